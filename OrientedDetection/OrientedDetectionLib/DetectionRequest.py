"""One detection as the panel or a script asks for it: nodes of the scene and the engine's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from SlicerMambaMedLib.CaseReader import PICTURE_ATTRIBUTE
from SlicerMambaMedLib.CaseReader import PICTURE_SUFFIXES
from SlicerMambaMedLib.NodeExport import isVolumeUsable
from SlicerMambaMedLib.NodeExport import regionLpsMm
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from OrientedDetectionLib.SliceStack import stackOf

if TYPE_CHECKING:
    from mambamed.detection.settings import DetectionSettings

__all__ = ["COMPONENTS", "DetectionRequest", "isSpacingKnown", "placedGeometry"]

COMPONENTS = (1, 3, 4)
"""Values per pixel: grey, colour, colour with opacity."""


@dataclass(frozen=True)
class DetectionRequest:
    """Where shall be looked for what, and how.

    Attributes:
        volume: 2D image or volume (scalar or vector volume node).
        settings: the engine's settings; see ``mambamed.detection.settings``.
        region: markups ROI node; nothing outside of it is kept. Takes the place of the settings' region.
        shape: what shows the results: ``roi`` or ``plane``.
        expectedChecksum: SHA-256 of the input's file in the run that this one repeats; empty for a new run.
    """

    volume: Any
    settings: DetectionSettings
    region: Any | None = None
    shape: str = "roi"
    expectedChecksum: str = ""

    def problem(self) -> str:
        """Return an empty text when this can be started, else one sentence that says what is missing."""
        if self.volume is None:
            return _("Choose an image or a volume.")
        reason = isVolumeUsable(self.volume, COMPONENTS)
        if reason:
            return reason
        stack = stackOf(placedGeometry(self.volume), self.settings.slice_axis)
        if self.settings.slices is not None and self.settings.slices[1] >= stack.count:
            text = _("The last slice is {last}, but the volume has {count} {plane} slices, 0 to {end}.")
            return text.format(last=self.settings.slices[1], count=stack.count, plane=stack.plane, end=stack.count - 1)
        try:
            self.engineSettings()
        except ValueError as error:
            return str(error)
        return ""

    def engineSettings(self) -> dict[str, Any]:
        """Return the settings as the engine's request file has them, with the region in LPS millimetres.

        Raises:
            ValueError: the region has no extent.
        """
        settings = self.settings
        if self.region is not None:
            settings = settings.replace(region_of_interest_lps_mm=regionLpsMm(self.region))
        return dict(settings.to_json())


def placedGeometry(volume: Any) -> VolumeGeometry:
    """Return the grid that is written for the engine: in the world, or its own under a warping transform."""
    transform = volume.GetParentTransformNode()
    isLinear = transform is None or bool(transform.IsTransformToWorldLinear())
    return VolumeGeometry.ofVolumeNode(volume, inWorld=isLinear)


def isSpacingKnown(volume: Any) -> bool:
    """Whether the pixel size of a volume was measured: a picture file (PNG, JPEG, ...) without one gives 1 mm."""
    storage = volume.GetStorageNode()
    name = volume.GetAttribute(PICTURE_ATTRIBUTE) or (storage.GetFileName() if storage is not None else None) or ""
    isPicture = Path(name).suffix.lower() in PICTURE_SUFFIXES
    return not (isPicture and all(abs(value - 1.0) < 1e-6 for value in volume.GetSpacing()))
