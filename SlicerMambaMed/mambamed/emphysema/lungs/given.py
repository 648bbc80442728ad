"""Segmentations that a person or another model has made: brought to the CT's grid, sides and lobes told apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from mambamed.emphysema.lungs.sides import LEFT
from mambamed.emphysema.lungs.sides import RIGHT
from mambamed.emphysema.lungs.sides import split_sides
from mambamed.emphysema.lungs.work_grid import make_work_grid
from mambamed.errors import BadRequestError
from mambamed.imaging.geometry import same_grid

__all__ = ["LOBE_NAMES", "lobe_masks", "on_grid_of", "sides_of_given_lungs"]

LOBE_NAMES = ("left upper lobe", "left lower lobe", "right upper lobe", "right middle lobe", "right lower lobe")
_KNOWN_CODINGS = (range(1, 6), range(10, 15))


def on_grid_of(labels: sitk.Image, ct: sitk.Image, name: str) -> tuple[sitk.Image, bool]:
    """Bring a label map onto the CT's grid, nearest voxel.

    Args:
        labels: Label map with its geometry.
        ct: Image whose grid is wanted.
        name: How messages call the label map.

    Returns:
        Label map of whole numbers, and whether it had to be resampled.

    Raises:
        BadRequestError: It is no label map, or has nothing in common with the CT.
    """
    if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
        raise BadRequestError(f"The segmentation of the {name} is not a 3D label map; choose one of the same CT.")
    whole = sitk.Cast(labels, sitk.sitkInt32)
    other_grid = not same_grid(labels, ct)
    if other_grid:
        whole = sitk.Resample(whole, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkInt32)
    if not sitk.GetArrayViewFromImage(whole).any():
        raise BadRequestError(
            f"The segmentation of the {name} is empty on the CT's grid; choose the one that belongs to this CT."
        )
    return whole, other_grid


def sides_of_given_lungs(labels: np.ndarray, ct_hu: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Tell left from right in a given segmentation of the lungs.

    Two values are two sides, whichever is which: the one farther to the patient's left is the left lung. One value,
    or more than two, are both lungs together, which are parted where they touch.

    Args:
        labels: int (z, y, x), x towards the patient's left.
        ct_hu: HU, same shape.
        spacing_mm: (z, y, x).

    Returns:
        uint8 (z, y, x): 0, 1 left, 2 right.
    """
    values = np.unique(labels[labels != 0])
    sides = np.zeros(labels.shape, dtype=np.uint8)
    if len(values) == 2:
        columns = [float(np.mean(np.nonzero(labels == value)[2])) for value in values]
        left, right = (values[0], values[1]) if columns[0] > columns[1] else (values[1], values[0])
        sides[labels == left] = LEFT
        sides[labels == right] = RIGHT
        return sides
    lungs = labels != 0
    grid = make_work_grid(ct_hu, spacing_mm)
    coarse = make_work_grid(lungs.astype(np.int16) * np.int16(1000), spacing_mm).hu >= 500.0
    occupied = np.flatnonzero(lungs.any(axis=(0, 1)))
    midline = 0.5 * float(occupied[0] + occupied[-1]) / grid.factors[2]
    if not coarse.any():  # thinner than a block
        coarse = make_work_grid(lungs.astype(np.int16) * np.int16(1000), spacing_mm).hu > 0.0
    parted = split_sides(coarse, grid, midline)
    full = grid.to_full(parted)
    sides[lungs] = full[lungs]
    left_over = lungs & (sides == 0)
    if left_over.any():
        nearest = ndimage.distance_transform_edt(sides == 0, spacing_mm, return_distances=False, return_indices=True)
        sides[left_over] = sides[tuple(index[left_over] for index in nearest)]
    return sides


def lobe_masks(labels: np.ndarray, names: Mapping[int, str] | None) -> dict[str, np.ndarray]:
    """Return the lobes by name.

    Args:
        labels: int (z, y, x).
        names: Name by value; None takes 1-5 or 10-14 as left upper, left lower, right upper, right middle, right lower.

    Raises:
        BadRequestError: The values are of no known coding.
    """
    values = [int(value) for value in np.unique(labels) if value != 0]
    if names is None:
        coding = next((coding for coding in _KNOWN_CODINGS if set(values) <= set(coding)), None)
        if coding is None:
            raise BadRequestError(
                f"The segmentation of the lobes has the values {', '.join(map(str, values[:8]))}, expected 1-5 or "
                "10-14 (left upper, left lower, right upper, right middle, right lower); give the names by value."
            )
        names = dict(zip(coding, LOBE_NAMES, strict=True))
    found = {name: labels == value for value, name in names.items() if value in values}
    if not found:
        raise BadRequestError("None of the named lobes is in the segmentation of the lobes; check the values.")
    return found
