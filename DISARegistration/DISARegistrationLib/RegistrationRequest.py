"""One registration as the panel or a script asks for it: nodes of the scene and the engine's settings."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from SlicerMambaMedLib.NodeExport import regionLpsMm
from SlicerMambaMedLib.Text import tr as _

from DISARegistrationLib.Placement import isLinearlyPlaced
from DISARegistrationLib.Placement import resultTransformOver
from DISARegistrationLib.VolumeExport import landmarkPositions
from DISARegistrationLib.VolumeExport import placedGeometry
from DISARegistrationLib.VolumeExport import volumeProblem

if TYPE_CHECKING:
    from mambamed.registration.settings import RegistrationSettings

__all__ = ["RegistrationRequest"]


@dataclass(frozen=True)
class RegistrationRequest:
    """What shall be registered, and how.

    Attributes:
        fixed: the volume that stays.
        moving: the volume that is moved.
        settings: the engine's settings; see ``mambamed.registration.settings``.
        fixedMask: label map or segmentation; only where it is not empty the fixed volume counts.
        movingMask: the same of the moving volume.
        initialTransform: linear transform node, meant as the moving volume's parent; used with ``initial="transform"``.
        region: markups ROI node; only this box of the fixed volume counts. Takes the place of the settings' region.
        fixedLandmarks: markups points in the fixed volume, in the order of
        movingLandmarks: markups points in the moving volume; both give the target registration error.
        isPreview: whether the result shall only be looked at.
        expectedChecksums: SHA-256 of the inputs' files by input name, in the run that this one repeats.
    """

    fixed: Any
    moving: Any
    settings: RegistrationSettings
    fixedMask: Any | None = None
    movingMask: Any | None = None
    initialTransform: Any | None = None
    region: Any | None = None
    fixedLandmarks: Any | None = None
    movingLandmarks: Any | None = None
    isPreview: bool = False
    expectedChecksums: dict[str, str] = field(default_factory=dict)

    @property
    def inputNodes(self) -> dict[str, Any]:
        """The nodes by the names that the engine gives to its inputs; only those that are used."""
        nodes = {"fixed": self.fixed, "moving": self.moving}
        nodes.update({"fixed-mask": self.fixedMask, "moving-mask": self.movingMask})
        if self.settings.initial == "transform":
            nodes["initial-transform"] = self.initialTransform
        if self.hasLandmarks:
            nodes.update({"fixed-landmarks": self.fixedLandmarks, "moving-landmarks": self.movingLandmarks})
        return {name: node for name, node in nodes.items() if node is not None}

    @property
    def hasLandmarks(self) -> bool:
        """Whether there are pairs of landmarks."""
        fixed, moving = self._landmarkCounts()
        return fixed == moving > 0

    def warnings(self) -> list[str]:
        """Return what does not stop the run but should be known."""
        fixed, moving = self._landmarkCounts()
        if fixed == moving:
            return []
        text = _("There are {fixed} fixed and {moving} moving landmarks: they form no pairs and were not used.")
        return [text.format(fixed=fixed, moving=moving)]

    def problem(self) -> str:
        """Return an empty text when this can be started, else one sentence that says what is missing."""
        if self.fixed is None:
            return _("Choose a fixed volume.")
        if self.moving is None:
            return _("Choose a moving volume.")
        if self.fixed is self.moving:
            return _("Fixed and moving are the same volume. Choose two.")
        for node in (self.fixed, self.moving):
            problem = volumeProblem(node)
            if problem:
                return problem
        if placedGeometry(self.fixed).isSheared:
            text = _(
                'The grid of the fixed volume "{name}" is not at right angles. Resample it first, or exchange the two.'
            )
            return text.format(name=self.fixed.GetName())
        if self.settings.initial == "transform":
            if self.initialTransform is None:
                return _("Choose an initial transform, or another start.")
            if not self.initialTransform.IsTransformToWorldLinear():
                text = _('The initial transform "{name}" is not linear. Choose a linear one.')
                return text.format(name=self.initialTransform.GetName())
        for node in (self.fixedMask, self.movingMask):
            top = resultTransformOver(node) if node is self.movingMask and node is not None else None
            if node is not None and not isLinearlyPlaced(node, top):
                text = _('The mask "{name}" lies under a warping transform. Harden the transform first.')
                return text.format(name=node.GetName())
        return self._placeProblem()

    def engineSettings(self) -> dict[str, Any]:
        """Return the settings as the engine's request file has them, with the region in LPS millimetres.

        Raises:
            ValueError: the region has no extent.
        """
        settings = self.settings
        if self.region is not None:
            settings = settings.replace(region_of_interest_lps_mm=regionLpsMm(self.region))
        return dict(settings.to_json())

    def _landmarkCounts(self) -> tuple[int, int]:
        nodes = (self.fixedLandmarks, self.movingLandmarks)
        fixed, moving = (0 if node is None else len(landmarkPositions(node)) for node in nodes)
        return fixed, moving

    def _placeProblem(self) -> str:
        """Return what is wrong with where the volumes and the region lie."""
        fixed, moving = _bounds(self.fixed), _bounds(self.moving, resultTransformOver(self.moving))
        if self.region is not None:
            try:
                xMin, xMax, yMin, yMax, zMin, zMax = regionLpsMm(self.region)
            except ValueError as error:
                return str(error)
            region = np.array([[-xMax, -yMax, zMin], [-xMin, -yMin, zMax]])
            if not _overlap(region, fixed, 0.0):
                text = _('The region "{region}" lies outside of the fixed volume "{name}".')
                return text.format(region=self.region.GetName(), name=self.fixed.GetName())
        rangeMm = self.settings.search_ranges[1]
        if self.settings.initial == "header" and not _overlap(fixed, moving, rangeMm):
            return _(
                "The two volumes do not overlap where they lie. Start from aligned centres, or give an initial "
                "transform."
            )
        return ""


def _bounds(node: Any, top: Any | None = None) -> np.ndarray:
    """Return the lower and the upper corner of the box around a volume at its place, RAS mm."""
    geometry = placedGeometry(node, top)
    upper = np.array(geometry.size) - 0.5
    corners = np.array([[i, j, k, 1.0] for i in (-0.5, upper[0]) for j in (-0.5, upper[1]) for k in (-0.5, upper[2])])
    placed = (corners @ geometry.matrix.T)[:, :3]
    return np.array([placed.min(axis=0), placed.max(axis=0)])


def _overlap(first: np.ndarray, second: np.ndarray, slackMm: float) -> bool:
    return bool(np.all(first[0] <= second[1] + slackMm) and np.all(second[0] <= first[1] + slackMm))
