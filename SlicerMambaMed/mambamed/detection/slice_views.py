"""How an image is cut into the pictures that a detector is shown, and where a picture's points lie in space.

A picture (a *view*) has x to the right and y down. All views share the image's memory: nothing is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.imaging.geometry import crop_box_for_region
from mambamed.imaging.orientation import orientation_code

__all__ = ["SliceViews", "view_slices"]

_AXIS_LETTERS = {"axial": "SI", "coronal": "AP", "sagittal": "LR"}
# Where x (to the right) and y (down) of a view go to, as a radiologist looks at it.
_VIEW_LETTERS = {"axial": "LP", "coronal": "LI", "sagittal": "PI"}
_OPPOSITE = dict(zip("LRPASI", "RLAPIS", strict=True))


@dataclass(frozen=True, eq=False)
class SliceViews:
    """The pictures of an image.

    Attributes:
        plane: ``picture`` (a 2D image), ``axial``, ``coronal``, ``sagittal`` or ``stored``.
        slice_axis: Stored axis (0, 1, 2 for i, j, k) that numbers the slices; 2 for a 2D image, which has one slice.
        view_axes: Stored axes along x and y of a view.
        flipped: Whether x and y run against their stored axes.
        slices: Numbers of the slices that are looked at.
        image: The image, kept because its memory is looked at.
        array: The values, (i, j, k, channel), a view of the image's memory.
        matrix: (3, 3), columns are the steps in space of one index along i, j, k, LPS mm.
        origin: (3,), place of index (0, 0, 0), LPS mm.
        crop: First (inclusive) and last (exclusive) index along i, j, k of the region of interest; None for all.
    """

    plane: str
    slice_axis: int
    view_axes: tuple[int, int]
    flipped: tuple[bool, bool]
    slices: range
    image: sitk.Image
    array: np.ndarray
    matrix: np.ndarray
    origin: np.ndarray
    crop: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of a view."""
        return self.array.shape[self.view_axes[0]], self.array.shape[self.view_axes[1]]

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Millimetres from column to column and from row to row of a view."""
        x, y = (float(np.linalg.norm(self.matrix[:, axis])) for axis in self.view_axes)
        return x, y

    @property
    def slice_spacing_mm(self) -> float:
        """Distance between neighbouring slices; of a 2D image the smaller side of its pixels."""
        if self.plane == "picture":
            return min(self.spacing_mm)
        return float(np.linalg.norm(self.matrix[:, self.slice_axis]))

    def view(self, number: int) -> np.ndarray:
        """Return slice ``number`` as (y, x, channel)."""
        picture = self._slice(number)
        return picture[:: -1 if self.flipped[1] else 1, :: -1 if self.flipped[0] else 1]

    def _slice(self, number: int) -> np.ndarray:
        places: list[slice | int] = [slice(None)] * 4
        places[self.slice_axis] = number
        picture = self.array[tuple(places)]  # the two other axes in their order, channel
        return picture if self.view_axes[0] > self.view_axes[1] else picture.swapaxes(0, 1)

    def index_of(self, points: np.ndarray, number: int) -> np.ndarray:
        """Return the continuous indices (..., 3) along i, j, k of a view's points (..., 2), (0, 0) the first pixel."""
        index = np.empty((*points.shape[:-1], 3))
        index[..., self.slice_axis] = number
        for column, (axis, flipped) in enumerate(zip(self.view_axes, self.flipped, strict=True)):
            along = points[..., column]
            index[..., axis] = self.array.shape[axis] - 1 - along if flipped else along
        return index

    def in_space(self, index: np.ndarray) -> np.ndarray:
        """Return where continuous indices (..., 3) lie, LPS mm."""
        return index @ self.matrix.T + self.origin

    def crop_of_view(self) -> tuple[float, float, float, float]:
        """Return x and y of the first and of the last pixel of the region of interest in a view: x0, y0, x1, y1."""
        if self.crop is None:
            return 0.0, 0.0, self.size[0] - 1.0, self.size[1] - 1.0
        limits = []
        for axis, flipped in zip(self.view_axes, self.flipped, strict=True):
            first, last = self.crop[0][axis], self.crop[1][axis] - 1
            length = self.array.shape[axis]
            limits.append((length - 1 - last, length - 1 - first) if flipped else (first, last))
        return float(limits[0][0]), float(limits[1][0]), float(limits[0][1]), float(limits[1][1])


def view_slices(
    image: sitk.Image,
    slice_axis: str = "axial",
    slices: Sequence[int] | None = None,
    region_of_interest_lps_mm: Sequence[float] | None = None,
) -> SliceViews:
    """Say how an image is cut.

    Args:
        image: 2D or 3D, any number of values per pixel; must not be changed while the result is used.
        slice_axis: ``axial``, ``coronal``, ``sagittal`` or ``stored``, see ``DetectionSettings``; without meaning for
            a 2D image. A 3D image with one slice along an axis is cut along that axis.
        slices: First and last slice, inclusive; None for all.
        region_of_interest_lps_mm: Only slices that meet it are looked at.

    Raises:
        BadRequestError: The slab is empty or outside the volume, or the values are no real numbers.
    """
    array = sitk.GetArrayViewFromImage(image)
    if array.dtype.kind not in "iufb":
        raise BadRequestError(f"The image's values are {array.dtype}, expected whole or real numbers.")
    if image.GetNumberOfComponentsPerPixel() == 1:
        array = array[..., None]
    dimension = image.GetDimension()
    array = array.transpose(*range(dimension - 1, -1, -1), dimension)
    matrix, origin = np.eye(3), np.zeros(3)
    direction = np.asarray(image.GetDirection()).reshape(dimension, dimension)
    matrix[:dimension, :dimension] = direction * np.asarray(image.GetSpacing())
    origin[:dimension] = image.GetOrigin()
    if dimension == 2:
        array = array[:, :, None]
        plane, axis, view_axes, flipped = "picture", 2, (0, 1), (False, False)
    else:
        plane, axis, view_axes, flipped = _orient(image, slice_axis)
    crop = None
    if region_of_interest_lps_mm is not None:
        crop = crop_box_for_region(image, region_of_interest_lps_mm)
    numbers = _numbers(
        array.shape[axis], plane, slices, (crop[0][axis], crop[1][axis]) if crop and plane != "picture" else None
    )
    return SliceViews(plane, axis, view_axes, flipped, numbers, image, array, matrix, origin, crop)


def _orient(image: sitk.Image, slice_axis: str) -> tuple[str, int, tuple[int, int], tuple[bool, bool]]:
    """Return plane, axis, axes of the view and whether they are flipped, for a 3D image."""
    code = orientation_code(image)
    size = image.GetSize()
    single = [axis for axis in range(3) if size[axis] == 1]
    plane = slice_axis
    if len(single) == 1 and slice_axis != "stored":
        letter = code[single[0]]
        plane = next(name for name, letters in _AXIS_LETTERS.items() if letter in letters)
    if plane == "stored":
        axis = single[0] if len(single) == 1 else 2
        first, second = (other for other in range(3) if other != axis)
        return plane, axis, (first, second), (False, False)
    axis = next(number for number, letter in enumerate(code) if letter in _AXIS_LETTERS[plane])
    axes, flips = [], []
    for letter in _VIEW_LETTERS[plane]:
        found = next(number for number, own in enumerate(code) if own in (letter, _OPPOSITE[letter]))
        axes.append(found)
        flips.append(code[found] != letter)
    return plane, axis, (axes[0], axes[1]), (flips[0], flips[1])


def _numbers(count: int, plane: str, slices: Sequence[int] | None, crop: tuple[int, int] | None) -> range:
    if plane == "picture":
        if slices is not None and tuple(slices) != (0, 0):
            raise BadRequestError(
                f"The slices {slices[0]} to {slices[1]} are asked for, but the image is 2D; leave them out."
            )
        return range(1)
    first, last = slices if slices is not None else (0, count - 1)
    if last >= count:
        raise BadRequestError(
            f"The slices {first} to {last} are asked for, but the volume has {count} {plane} slices, 0 to {count - 1}."
        )
    start, stop = max(first, crop[0] if crop else 0), min(last + 1, crop[1] if crop else count)
    if stop <= start:
        raise BadRequestError(
            f"The slab is empty: the region of interest meets the {plane} slices {crop[0] if crop else 0} to "
            f"{(crop[1] if crop else count) - 1}, but {first} to {last} are asked for."
        )
    return range(start, stop)
