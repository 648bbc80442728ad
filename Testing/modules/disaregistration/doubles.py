"""Volumes with known geometry, and a finished job as the engine would leave it, made with SimpleITK alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

__all__ = ["OBLIQUE", "FinishedDirectory", "FinishedJob", "add_volume", "smooth_field", "structure", "write_outputs"]


def _oblique() -> np.ndarray:
    """Return IJK to RAS with three spacings, turned about two axes, the second axis pointing the other way."""
    about_s, about_r = np.deg2rad(20.0), np.deg2rad(-14.0)
    turn_s = np.array([[np.cos(about_s), -np.sin(about_s), 0], [np.sin(about_s), np.cos(about_s), 0], [0, 0, 1]])
    turn_r = np.array([[1, 0, 0], [0, np.cos(about_r), -np.sin(about_r)], [0, np.sin(about_r), np.cos(about_r)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn_s @ turn_r @ np.diag([2.0, -2.5, 4.0])
    matrix[:3, 3] = -matrix[:3, :3] @ np.array([10.0, 8.0, 6.0])
    return matrix


OBLIQUE = _oblique()


def structure(size: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Return a smooth random image [k, j, i], so that linear interpolation has something to be right or wrong about."""
    from scipy.ndimage import gaussian_filter

    voxels = np.random.default_rng(seed).normal(size=size[::-1])
    voxels = gaussian_filter(voxels, 1.5)
    return (400 * (voxels - voxels.min())).astype(np.float32)


def add_volume(name: str, voxels: np.ndarray, ijk_to_ras: np.ndarray, class_name="vtkMRMLScalarVolumeNode") -> Any:
    """Add a volume to the scene."""
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(voxels))
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(ijk_to_ras, dtype=float).ravel().tolist())
    node.SetIJKToRASMatrix(matrix)
    node.CreateDefaultDisplayNodes()
    return node


def smooth_field(fixed: sitk.Image, largest_mm: float = 4.0, seed: int = 3) -> sitk.Image:
    """Return a smooth displacement field (LPS mm) on the grid of an image."""
    from scipy.ndimage import gaussian_filter

    size = fixed.GetSize()
    vectors = np.random.default_rng(seed).normal(size=(*size[::-1], 3))
    vectors = gaussian_filter(vectors, (2, 2, 2, 0))
    field = sitk.GetImageFromArray(vectors * (largest_mm / np.abs(vectors).max()), isVector=True)
    field.CopyInformation(fixed)
    return field


def write_outputs(folder: Path, fixed: Path, moving: Path, transform: sitk.Transform, extras: bool = True) -> dict:
    """Write what the engine writes for a transform fixed -> moving, and return the paths by output name."""
    folder.mkdir(exist_ok=True)
    fixed_image, moving_image = sitk.ReadImage(str(fixed)), sitk.ReadImage(str(moving))
    if transform.IsLinear():
        inverse = transform.GetInverse()
    else:
        field = sitk.TransformToDisplacementField(
            transform,
            sitk.sitkVectorFloat64,
            fixed_image.GetSize(),
            fixed_image.GetOrigin(),
            fixed_image.GetSpacing(),
            fixed_image.GetDirection(),
        )
        inverse = sitk.DisplacementFieldTransform(sitk.InvertDisplacementField(field))
    outputs = {"transform": folder / "transform.h5", "inverse": folder / "inverse.h5"}
    sitk.WriteTransform(transform, str(outputs["transform"]))
    sitk.WriteTransform(inverse, str(outputs["inverse"]))
    if extras:
        outputs["warped"] = folder / "warped.nii.gz"
        background = float(sitk.GetArrayViewFromImage(moving_image).min())
        warped = sitk.Resample(moving_image, fixed_image, transform, sitk.sitkLinear, background)
        sitk.WriteImage(warped, str(outputs["warped"]))
        for name in ("jacobian", "similarity-map"):
            outputs[name] = folder / f"{name.replace('-', '_')}.nii.gz"
            sitk.WriteImage(sitk.Cast(warped, sitk.sitkFloat32) * 0 + 1.0, str(outputs[name]))
    return outputs


class FinishedDirectory:
    """What an importer asks of a ``JobDirectory`` that is done."""

    def __init__(self, outputs: dict[str, Path], record: dict[str, Any]) -> None:
        self.outputs = outputs
        self._record = record

    def result(self) -> dict[str, Any]:
        return self._record


class FinishedJob:
    """What an importer asks of a ``SceneJob``."""

    def __init__(self, warnings=()) -> None:
        self.warnings = list(warnings)
