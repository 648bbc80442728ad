"""Refusals: what cannot be analysed at all, each with one sentence."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.lungs.work_grid import clean_hu
from mambamed.errors import BadRequestError
from mambamed.imaging.checks import check_image

__all__ = ["check_is_chest_ct", "check_is_volume", "refuse_cropped", "refuse_values"]

_FEWEST_SLICES = 5
_CUT_PART = 0.4
_SMALLEST_LUNGS_L = 0.4
_FAR_BELOW_AIR_HU = -1200
_MOST_PADDING_VALUES = 10
_LUNG_AT_FACE_PART = 0.15


def check_is_volume(ct: sitk.Image) -> None:
    """Refuse pictures, single slices and colour images.

    Raises:
        BadRequestError: With what was found.
    """
    slices = min(ct.GetSize()) if ct.GetDimension() == 3 else 1
    if ct.GetDimension() == 2 or (ct.GetDimension() == 3 and slices == 1):
        raise BadRequestError("Only one slice was found, expected a whole chest CT; choose the complete series.")
    check_image(ct, "the CT", dimensions=(3,), components=1)
    if slices < _FEWEST_SLICES:
        raise BadRequestError(
            f"Only {slices} slices were found, expected a whole chest CT ({_FEWEST_SLICES} at least); "
            "choose the complete series."
        )


def refuse_values(ct_hu: np.ndarray) -> None:
    """Refuse values that are not Hounsfield units.

    Args:
        ct_hu: Values, any shape.

    Raises:
        BadRequestError: With the range that was found.
    """
    lowest, highest = float(ct_hu.min()), float(ct_hu.max())
    cleaned = clean_hu(ct_hu)
    sample = cleaned[tuple(slice(None, None, max(1, length // 96)) for length in cleaned.shape)]
    air = float(np.mean(sample < -700))
    tissue = float(np.mean((sample > -150) & (sample < 150)))
    found = f"The values range from {lowest:.6g} to {highest:.6g}"
    if lowest >= 0:
        raise BadRequestError(
            f"{found}, expected Hounsfield units with air near -1000: this is no CT, or its values were shifted or "
            "rescaled (for example to 0-255, or stored without the rescale intercept); choose the original series."
        )
    if _has_many_values_below_air(ct_hu):
        raise BadRequestError(
            f"{found}, and many different ones are far below air (-1000 HU): the values were rescaled; "
            "choose the original series."
        )
    if air < 0.005 or tissue < 0.005:
        raise BadRequestError(
            f"{found} without the air near -1000 and the soft tissue near 0 of Hounsfield units: "
            "the values are not HU or were rescaled; choose the original series of a chest CT."
        )


def _has_many_values_below_air(ct_hu: np.ndarray) -> bool:
    """Outside the field of view scanners write one value or two; noise does not reach so far below air."""
    sample = ct_hu[tuple(slice(None, None, max(1, length // 96)) for length in ct_hu.shape)]
    below = sample[sample < _FAR_BELOW_AIR_HU]
    return below.size > 0.001 * sample.size and np.unique(below).size > _MOST_PADDING_VALUES


def check_is_chest_ct(sides: np.ndarray, voxel_ml: float, ct_hu: np.ndarray) -> None:
    """Refuse a CT in which no lungs were found.

    Raises:
        BadRequestError: With the volume that was found.
    """
    litres = np.count_nonzero(sides) * voxel_ml / 1000.0
    if litres >= _SMALLEST_LUNGS_L:
        return
    faces = [ct_hu[:, 0], ct_hu[:, -1], ct_hu[:, :, 0], ct_hu[:, :, -1]]
    like_lung = [float(np.mean((face > -960) & (face < -500))) for face in faces]
    if max(like_lung) > _LUNG_AT_FACE_PART:
        raise BadRequestError(
            "The lungs are cropped: the volume ends inside them in front, behind or at a side, expected whole lungs; "
            "choose the complete series."
        )
    raise BadRequestError(
        f"No lungs were found in the CT ({litres:.2f} l of air-filled tissue inside the body), expected a whole "
        "chest CT; choose another series, or give a segmentation of the lungs."
    )


def refuse_cropped(lungs: np.ndarray) -> None:
    """Refuse lungs that are cut through: at a face of the volume more than 40 % of their largest section is open.

    Args:
        lungs: bool (z, y, x).

    Raises:
        BadRequestError: With the cut face.
    """
    names = (("lower", "upper"), ("front", "back"), ("right", "left"))
    for axis in range(3):
        areas = lungs.sum(axis=tuple(other for other in range(3) if other != axis))
        for name, index in zip(names[axis], (0, -1), strict=True):
            part = float(areas[index]) / max(1.0, float(areas.max()))
            if part > _CUT_PART:
                raise BadRequestError(
                    f"The lungs are cropped: at the volume's {name} edge they are cut through "
                    f"({100 * part:.0f} % of their largest section), expected whole lungs; choose the complete series."
                )
