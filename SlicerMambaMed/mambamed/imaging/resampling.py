"""Bring an image onto another image's grid."""

from __future__ import annotations

import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.imaging.geometry import same_grid

__all__ = ["resample_like"]


def resample_like(
    image: sitk.Image, reference: sitk.Image, labels: bool = False, name: str = "the image"
) -> sitk.Image:
    """Resample an image onto the grid of another, by position in space.

    Args:
        image: Image to resample (LPS, mm).
        reference: Image whose grid is taken; same dimension.
        labels: Whether values are labels (nearest neighbour) or intensities (linear).
        name: How messages call the image.

    Returns:
        Image on the reference's grid; voxels outside the image are 0. The image itself if the grids agree already.

    Raises:
        BadRequestError: Dimensions differ, or the two do not overlap in space.
    """
    if image.GetDimension() != reference.GetDimension():
        raise BadRequestError(
            f"{name} is {image.GetDimension()}D, expected {reference.GetDimension()}D as the first channel."
        )
    if same_grid(image, reference):
        return image
    inside = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    inside.CopyInformation(image)
    identity = sitk.Transform(image.GetDimension(), sitk.sitkIdentity)
    covered = sitk.Resample(inside, reference, identity, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    if not sitk.GetArrayViewFromImage(covered).any():
        raise BadRequestError(
            f"{name} does not overlap the first channel in space; choose scans of one patient in one position."
        )
    method = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    pixel = image.GetPixelID() if labels else sitk.sitkFloat32
    return sitk.Resample(image, reference, identity, method, 0.0, pixel)
