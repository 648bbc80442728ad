"""The parameter node as a request, and back; knows no widget."""

from __future__ import annotations

from typing import Any

import slicer
from SlicerMambaMedLib.NodeExport import isVolumeUsable
from SlicerMambaMedLib.NodeExport import volumeWarnings
from SlicerMambaMedLib.Text import tr as _

from OrientedDetectionLib.DetectionRequest import COMPONENTS
from OrientedDetectionLib.DetectionRequest import DetectionRequest
from OrientedDetectionLib.DetectionRequest import isSpacingKnown
from OrientedDetectionLib.DetectionRequest import placedGeometry
from OrientedDetectionLib.SliceStack import sliceOfView
from OrientedDetectionLib.SliceStack import stackOf

__all__ = ["RED_SLICE_NODE", "imageText", "isPicture", "requestOfParameters", "showRequest"]

RED_SLICE_NODE = "vtkMRMLSliceNodeRed"


def requestOfParameters(parameters: Any, model: str) -> DetectionRequest:
    """Return the request that a parameter node describes.

    Raises:
        ValueError: the slab is empty, the Red view shows no slice of the volume, or a value cannot be meant.
    """
    from mambamed.detection.settings import DetectionSettings

    sliceAxis, slices = _slices(parameters)
    settings = DetectionSettings(
        model=model,
        device=parameters.device,
        precision=parameters.precision,
        score_threshold=parameters.lowestScore or None,
        nms_threshold=parameters.suppressionOverlap or None,
        labels=tuple(parameters.labels) or None,
        slice_axis=sliceAxis,
        slices=slices,
        link_slices=parameters.linkSlices,
        link_gap=parameters.linkGap,
        minimum_slices=parameters.minimumSlices,
        flips=parameters.flips,
        pixel_spacing_mm=parameters.pixelSpacingMm or None,
    )
    return DetectionRequest(parameters.inputVolume, settings, parameters.region, parameters.shape)


def showRequest(parameters: Any, request: DetectionRequest) -> None:
    """Set a parameter node as a request says."""
    settings = request.settings
    parameters.inputVolume = request.volume
    parameters.model = settings.model
    parameters.device = settings.device
    parameters.precision = settings.precision
    parameters.lowestScore = settings.score_threshold or 0.0
    parameters.suppressionOverlap = settings.nms_threshold or 0.0
    parameters.labels = list(settings.labels or ())
    parameters.sliceAxis = settings.slice_axis
    parameters.slab = "all" if settings.slices is None else "slab"
    if settings.slices is not None:
        parameters.firstSlice, parameters.lastSlice = settings.slices
    parameters.linkSlices = settings.link_slices
    parameters.linkGap = settings.link_gap
    parameters.minimumSlices = settings.minimum_slices
    parameters.flips = settings.flips
    parameters.pixelSpacingMm = settings.pixel_spacing_mm or 0.0
    parameters.region = request.region
    parameters.shape = request.shape


def isPicture(volume: Any | None) -> bool:
    """Whether an image is 2D: a volume of one slice."""
    return volume is not None and volume.GetImageData() is not None and 1 in volume.GetImageData().GetDimensions()


def imageText(request: DetectionRequest) -> str:
    """Return what will be looked at, and what is unusual about it."""
    volume, settings = request.volume, request.settings
    if isVolumeUsable(volume, COMPONENTS):
        return ""
    if isPicture(volume):
        lines = [_("One picture.")]
    else:
        stack = stackOf(placedGeometry(volume), settings.slice_axis)
        first, last = settings.slices or (0, stack.count - 1)
        text = _("{plane} slices {first} to {last} of {count}, counted from 0.")
        lines = [text.format(plane=stack.plane.capitalize(), first=first, last=last, count=stack.count)]
    if not isSpacingKnown(volume):
        lines.append(_("The image file says no pixel size: lengths will be in pixels."))
    lines.extend(_("Warning: {text}").format(text=warning) for warning in volumeWarnings(volume))
    return "\n".join(lines)


def _slices(parameters: Any) -> tuple[str, tuple[int, int] | None]:
    """Return the direction of the slices and which of them; None for all."""
    volume = parameters.inputVolume
    if parameters.slab == "all" or isPicture(volume) or isVolumeUsable(volume, COMPONENTS):
        return parameters.sliceAxis, None
    if parameters.slab == "red":
        view = slicer.mrmlScene.GetNodeByID(RED_SLICE_NODE)
        if view is None:
            raise ValueError(_("There is no Red view. Choose the slices by number."))
        plane, number = sliceOfView(placedGeometry(volume), view)
        return plane, (number, number)
    if parameters.firstSlice > parameters.lastSlice:
        text = _("The slab is empty: its first slice {first} lies behind its last slice {last}.")
        raise ValueError(text.format(first=parameters.firstSlice, last=parameters.lastSlice))
    return parameters.sliceAxis, (parameters.firstSlice, parameters.lastSlice)
