"""What a capture range is measured on: two images and the transform between them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

__all__ = ["CaptureCase", "error_mm", "point_grid", "rigid_transform", "transformed_image"]


@dataclass(frozen=True)
class CaptureCase:
    """A pair of images with its truth; all geometry in LPS mm.

    Attributes:
        name: identifier in files.
        title: in tables.
        fixed: the image that stays.
        moving: the other one.
        truth: rigid transform fixed -> moving.
        points_mm: (N, 3), points of the fixed image at which errors are measured.
        exact: whether the truth is known to less than a voxel (not only from headers or a template space).
        fixed_mask: where the fixed image counts, or None.
        moving_mask: where the moving image counts, or None.
        near: besides the bins of initial errors, measure from random starts within so many degrees and mm per axis.
        with_lc2: whether LC2 itself is measured, too.
    """

    name: str
    title: str
    fixed: sitk.Image
    moving: sitk.Image
    truth: sitk.AffineTransform
    points_mm: NDArray[np.float64]
    exact: bool
    fixed_mask: sitk.Image | None = None
    moving_mask: sitk.Image | None = None
    near: tuple[float, float] = (20.0, 25.0)
    with_lc2: bool = False


def rigid_transform(
    rotation_vector_deg: NDArray[np.float64] | list[float],
    translation_mm: NDArray[np.float64] | list[float],
    centre_mm: NDArray[np.float64] | list[float],
) -> sitk.AffineTransform:
    """Rotation about a centre by a vector (axis times angle), then a shift."""
    vector = np.radians(np.asarray(rotation_vector_deg, np.float64))
    angle = float(np.linalg.norm(vector))
    versor = sitk.VersorTransform()
    versor.SetRotation((vector / angle).tolist() if angle > 0 else [1.0, 0.0, 0.0], angle)
    transform = sitk.AffineTransform(3)
    transform.SetCenter([float(value) for value in centre_mm])
    transform.SetMatrix(versor.GetMatrix())
    transform.SetTranslation([float(value) for value in translation_mm])
    return transform


def transformed_image(
    image: sitk.Image, transform: sitk.AffineTransform, spacing_mm: float, nearest: bool = False
) -> sitk.Image:
    """The image after moving its content by ``transform``, on a new axis-parallel grid that holds all of it.

    The content is interpolated, not the header turned: descriptors see turned anatomy.
    """
    ends = [(-0.5, count - 0.5) for count in image.GetSize()]
    corners = np.array(
        [
            transform.TransformPoint(image.TransformContinuousIndexToPhysicalPoint(corner))
            for corner in itertools.product(*ends)
        ]
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(np.maximum(1, np.ceil((high - low) / spacing_mm)).astype(int).tolist())
    resampler.SetOutputSpacing((spacing_mm,) * 3)
    resampler.SetOutputOrigin((low + spacing_mm / 2).tolist())
    resampler.SetTransform(transform.GetInverse())
    resampler.SetInterpolator(sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear)
    resampler.SetDefaultPixelValue(float(sitk.GetArrayViewFromImage(image).min()))
    return resampler.Execute(image if nearest else sitk.Cast(image, sitk.sitkFloat32))


def point_grid(centre_mm: NDArray[np.float64] | list[float], reach_mm: float) -> NDArray[np.float64]:
    """27 points: a cube of side 2 * reach around a centre."""
    steps = np.array(list(itertools.product((-reach_mm, 0.0, reach_mm), repeat=3)))
    return np.asarray(steps + np.asarray(centre_mm))


def error_mm(transform: sitk.Transform, truth: sitk.Transform, points_mm: NDArray[np.float64]) -> float:
    """Mean distance between where two transforms take the points."""
    differences = [
        np.subtract(transform.TransformPoint(point), truth.TransformPoint(point)) for point in points_mm.tolist()
    ]
    return float(np.linalg.norm(differences, axis=1).mean())
