"""Features of the fixed volume and of the linearly aligned moving volume, on grids whose samples coincide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import SimpleITK as sitk

from mambamed.imaging import reorient
from mambamed.registration.disa.prepare import smooth_for_spacing
from mambamed.registration.feature_cache import describe_cached
from mambamed.registration.features import FeatureVolume
from mambamed.registration.features import describe_image
from mambamed.registration.features import paired
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.pair import ImagePair

__all__ = ["AlignedFeatures", "FeatureFrame"]


@dataclass(frozen=True)
class AlignedFeatures:
    """Features to be compared by dot products.

    Attributes:
        fixed: on the frame's grid.
        moving: on the same grid with ``margin`` more cells on each side of every axis that has several samples.
        margin: per axis, cells.
    """

    fixed: FeatureVolume
    moving: FeatureVolume
    margin: tuple[int, int, int]


class FeatureFrame:
    """The grid of a deformable registration, in fixed space.

    Args:
        pair: the volumes.
        method: "disa" or "mind-ssc".
        stride: working voxels per cell: 1, 2 or 4.
        options: further arguments of ``describe_image`` (network, device, ...).
        cache: keep the features of the fixed volume in the user's cache folder, in 8 bits.
    """

    def __init__(self, pair: ImagePair, method: str, stride: int, options: dict[str, Any], cache: bool) -> None:
        self._pair, self._method, self._stride, self._options = pair, method, stride, options
        self._describe_fixed = describe_cached if cache else describe_image
        self._spacing_mm = pair.working_spacing_mm
        self._working = GridGeometry.of_image(reorient(pair.fixed, "LPS")).isotropic(self._spacing_mm)
        self.geometry = self._working.strided(stride)
        self._smooth_moving = smooth_for_spacing(pair.moving, self._spacing_mm)
        self._fixed: FeatureVolume | None = None

    def features(self, transform: sitk.Transform, margin_cells: int = 0) -> AlignedFeatures:
        """Features of the fixed volume, and of the moving one brought into fixed space.

        Args:
            transform: linear, fixed -> moving, LPS mm.
            margin_cells: cells beyond the fixed grid on each side.
        """
        margin = [margin_cells if count > 1 else 0 for count in self.geometry.size]
        grid = self._working.padded([cells * self._stride for cells in margin])
        moved, inside = self._moved(transform, grid)
        settings: dict[str, Any] = {"spacing_mm": self._spacing_mm, "stride": self._stride, **self._options}
        if self._fixed is None:
            self._fixed = self._describe_fixed(
                self._pair.fixed, self._method, mask=self._pair.fixed_shown, region=self._pair.region, **settings
            )
        moving = describe_image(moved, self._method, mask=inside, **settings)
        fixed, moving = paired(self._fixed, moving, self._method)
        return AlignedFeatures(fixed, moving, (margin[0], margin[1], margin[2]))

    def _moved(self, transform: sitk.Transform, grid: GridGeometry) -> tuple[sitk.Image, sitk.Image]:
        resampler = sitk.ResampleImageFilter()
        resampler.SetSize(grid.size)
        resampler.SetOutputSpacing(grid.spacing_mm)
        resampler.SetOutputOrigin(grid.origin_mm)
        resampler.SetOutputDirection(grid.direction)
        resampler.SetTransform(transform)
        counted = self._pair.moving_mask
        if counted is None:
            counted = sitk.Image(self._pair.moving.GetSize(), sitk.sitkUInt8) + 1
            counted.CopyInformation(self._pair.moving)
        resampler.SetInterpolator(sitk.sitkNearestNeighbor)
        inside = resampler.Execute(counted)
        resampler.SetInterpolator(sitk.sitkLinear)
        # Beyond its border the volume goes on with the border's values: no edge appears that is not in it.
        resampler.SetUseNearestNeighborExtrapolator(True)
        return resampler.Execute(self._smooth_moving), inside
