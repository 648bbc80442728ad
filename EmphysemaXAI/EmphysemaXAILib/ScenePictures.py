"""Pictures of a result as the slice views of the scene show it, for the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from SlicerMambaMedLib.Text import tr as _

from EmphysemaXAILib.EmphysemaOverlay import EmphysemaOverlay
from EmphysemaXAILib.InputReferences import inputNode
from EmphysemaXAILib.ResultNodes import MAP_PREFIX

__all__ = ["ScenePicture", "takePictures"]

_AXIAL_SHARES = (0.75, 0.45, 0.2)  # of the lungs' height, from below
_CORONAL_SHARE = 0.5
_VIEWS = ("Red", "Green")


@dataclass(frozen=True)
class ScenePicture:
    """A PNG file made of the scene's views.

    Attributes:
        path: the file.
        section: where it stands in the report: ``overlays``, ``patterns`` or ``explanations``.
        caption: what is seen.
    """

    path: Path
    section: str
    caption: str

    def asInput(self) -> dict[str, Any]:
        """Return the entry of a job request's inputs for this picture."""
        return {"name": "picture", "path": str(self.path), "section": self.section, "caption": self.caption}


def takePictures(recordNode: Any, folder: Path, opacity: float, threshold: float) -> list[ScenePicture]:
    """Render each overlay of a result at three axial levels and one coronal plane; the views stay as they are.

    Args:
        recordNode: the result's run record.
        folder: where the files go.
        opacity: of the overlays.
        threshold: share of the brightest colour below which heat maps are transparent.

    Returns:
        One picture per overlay; none when there are no views (no main window) or the CT is gone.
    """
    overlay = EmphysemaOverlay(recordNode)
    regions, ct = overlay.node("regions"), inputNode(recordNode, "ct")
    layoutManager = slicer.app.layoutManager()
    widgets = [layoutManager.sliceWidget(name) for name in _VIEWS] if layoutManager is not None else []
    if regions is None or ct is None or not widgets or any(widget is None for widget in widgets):
        return []
    bounds = np.zeros(6)
    regions.GetRASBounds(bounds)
    pictures = []
    with _viewsRestored(widgets, overlay):
        slicer.util.setSliceViewerLayers(background=ct, fit=True)
        for key, name in overlay.choices().items():
            if key in ("", "airways"):
                continue
            overlay.show(key, opacity, threshold)
            path = folder / f"{len(pictures)}.png"
            _write(np.concatenate(_shots(widgets, bounds), axis=1), path)
            pictures.append(ScenePicture(path, _section(key), _caption(name, key, threshold)))
    return pictures


def _section(key: str) -> str:
    if key.startswith(MAP_PREFIX):
        return "explanations"
    return "patterns" if key == "patterns" else "overlays"


def _caption(name: str, key: str, threshold: float) -> str:
    text = _("{name}, in the scene's slices: three axial planes from above to below, one coronal.").format(name=name)
    if key.startswith(MAP_PREFIX):
        text += " " + _("Transparent below {percent} % of the brightest colour.").format(percent=round(100 * threshold))
    return text


def _shots(widgets: list[Any], bounds: np.ndarray) -> list[np.ndarray]:
    """Return the planes as arrays of pixels, all of the same height."""
    axial, coronal = widgets
    offsets = [(axial, bounds[4] + share * (bounds[5] - bounds[4])) for share in _AXIAL_SHARES]
    offsets.append((coronal, bounds[2] + _CORONAL_SHARE * (bounds[3] - bounds[2])))
    shots = []
    for widget, offset in offsets:
        widget.sliceLogic().SetSliceOffset(float(offset))
        shots.append(_pixels(widget.sliceView()))
    height = min(shot.shape[0] for shot in shots)
    return [shot[:height] for shot in shots]


def _pixels(view: Any) -> np.ndarray:
    """Return what a view shows, as rows (from the top), columns, and red, green, blue."""
    view.forceRender()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(view.renderWindow())
    grab.SetInputBufferTypeToRGB()
    grab.ReadFrontBufferOff()
    grab.Update()
    image = grab.GetOutput()
    columns, rows, _depth = image.GetDimensions()
    from vtk.util.numpy_support import vtk_to_numpy

    return np.flipud(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, 3))


def _write(pixels: np.ndarray, path: Path) -> None:
    from vtk.util.numpy_support import numpy_to_vtk

    rows, columns = pixels.shape[:2]
    image = vtk.vtkImageData()
    image.SetDimensions(columns, rows, 1)
    flat = np.ascontiguousarray(np.flipud(pixels)).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.Write()


@contextmanager
def _viewsRestored(widgets: list[Any], overlay: EmphysemaOverlay) -> Iterator[None]:
    """Put layers, offsets, fields of view and visibilities back as they were."""
    composites = [widget.sliceLogic().GetSliceCompositeNode() for widget in _allWidgets()]
    layers = [
        (node, node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetForegroundOpacity())
        for node in composites
    ]
    places = []
    for widget in _allWidgets():
        node = widget.mrmlSliceNode()
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(node.GetSliceToRAS())
        places.append((node, matrix, node.GetFieldOfView(), node.GetXYZOrigin()))
    shown = [
        (node, node.GetDisplayVisibility())
        for key in overlay.choices()
        if (node := overlay.node(key)) is not None and node.IsA("vtkMRMLSegmentationNode")
    ]
    try:
        yield
    finally:
        for node, matrix, fieldOfView, origin in places:
            node.GetSliceToRAS().DeepCopy(matrix)
            node.SetFieldOfView(*fieldOfView)
            node.SetXYZOrigin(*origin)
            node.UpdateMatrices()
        for node, background, foreground, opacity in layers:
            node.SetBackgroundVolumeID(background)
            node.SetForegroundVolumeID(foreground)
            node.SetForegroundOpacity(opacity)
        for node, visibility in shown:
            node.SetDisplayVisibility(visibility)


def _allWidgets() -> list[Any]:
    layoutManager = slicer.app.layoutManager()
    return [layoutManager.sliceWidget(name) for name in layoutManager.sliceViewNames()]
