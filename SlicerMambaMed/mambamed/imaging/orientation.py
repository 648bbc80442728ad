"""Orientation of a volume's axes: which way each runs, and turning a volume without interpolation.

A code names where each axis (x first) runs *to*: ``LPS`` is the identity direction, ``RAS`` is NIfTI's usual one.
For oblique volumes the nearest axis counts; reorientation only swaps and flips axes, so no value is changed.
"""

from __future__ import annotations

import itertools

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError

__all__ = ["orientation_code", "reorient", "reorient_like"]

_TOWARDS = (("L", "R"), ("P", "A"), ("S", "I"))


def _nearest_axes(image: sitk.Image) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """For each image axis: the patient axis it is nearest to (each used once) and the sign along it."""
    direction = np.asarray(image.GetDirection()).reshape(3, 3)
    best = max(
        itertools.permutations(range(3)),
        key=lambda patient: sum(abs(direction[patient[axis], axis]) for axis in range(3)),
    )
    signs = tuple(1 if direction[best[axis], axis] >= 0 else -1 for axis in range(3))
    return tuple(best), signs


def orientation_code(image: sitk.Image) -> str:
    """Name the orientation of a 3D image.

    Args:
        image: 3D image, axis-aligned or oblique.

    Returns:
        Three letters, one per image axis, of where it runs to, for example ``LPS``.
    """
    patient, signs = _nearest_axes(image)
    return "".join(_TOWARDS[axis][0 if sign > 0 else 1] for axis, sign in zip(patient, signs, strict=True))


def _axes_of_code(code: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    patient = []
    signs = []
    for letter in code.upper():
        for axis, letters in enumerate(_TOWARDS):
            if letter in letters:
                patient.append(axis)
                signs.append(1 if letter == letters[0] else -1)
    if len(code) != 3 or sorted(patient) != [0, 1, 2]:
        raise BadRequestError(
            f'"{code}" is not an orientation; expected three letters with one of L/R, one of P/A and one of S/I.'
        )
    return tuple(patient), tuple(signs)


def reorient(image: sitk.Image, code: str) -> sitk.Image:
    """Swap and flip axes so that the image has the orientation asked for; every voxel keeps its place in space.

    Args:
        image: 3D image.
        code: Target orientation, for example ``LPS``.

    Returns:
        The same voxels in another order of axes.

    Raises:
        BadRequestError: If the code is not an orientation.
    """
    wanted_patient, wanted_signs = _axes_of_code(code)
    patient, signs = _nearest_axes(image)
    order = [patient.index(axis) for axis in wanted_patient]
    if order != [0, 1, 2]:
        image = sitk.PermuteAxes(image, order)
    flips = [signs[order[axis]] != wanted_signs[axis] for axis in range(3)]
    if any(flips):
        image = sitk.Flip(image, flips)
        # Flip keeps the sign of the spacing but mirrors origin and direction, so that voxels stay where they are.
    return image


def reorient_like(image: sitk.Image, reference: sitk.Image) -> sitk.Image:
    """Turn an image back to the axes of the image that it was made from by ``reorient``.

    Args:
        image: 3D image.
        reference: Image with the orientation and the exact geometry to return to.

    Returns:
        The image with the reference's own origin, spacing and direction (no rounding remains).
    """
    turned = reorient(image, orientation_code(reference))
    turned.SetOrigin(reference.GetOrigin())
    turned.SetSpacing(reference.GetSpacing())
    turned.SetDirection(reference.GetDirection())
    return turned
