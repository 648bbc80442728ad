"""Instances (cells) from a label map of interior and boundary, as an image and as a table."""

from __future__ import annotations

import csv
import io

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import center_of_mass

from mambamed.imaging.geometry import image_from_array_like
from mambamed.imaging.geometry import voxel_volume_mm3
from mambamed.segmentation.instances import instances_from_classes

__all__ = ["instance_image", "instance_table"]

SMALLEST_INSTANCE = 9
"""Pixels; smaller specks are no cells that could be measured."""
_LARGEST_UINT16 = 65535


def instance_image(labelmap: sitk.Image) -> sitk.Image:
    """Return the instances of a label map (1 interior, 2 boundary) on its grid, numbered from 1.

    uint16, which every picture format takes, or uint32 for more instances than fit.
    """
    instances = instances_from_classes(sitk.GetArrayFromImage(labelmap), smallest=SMALLEST_INSTANCE)
    kind = np.uint16 if instances.max(initial=0) <= _LARGEST_UINT16 else np.uint32
    return image_from_array_like(instances.astype(kind), labelmap)


def instance_table(instances: sitk.Image) -> str:
    """Return CSV: number, pixels, area in mm^2 (volume in mm^3 for 3D), and centre in mm (LPS) of every instance."""
    array = sitk.GetArrayViewFromImage(instances)
    counts = np.bincount(array.ravel())
    numbers = np.flatnonzero(counts[1:]) + 1
    size_mm = voxel_volume_mm3(instances)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    flat = instances.GetDimension() == 2
    axes = ("x_mm", "y_mm", "z_mm")[: instances.GetDimension()]
    writer.writerow(["number", "pixels" if flat else "voxels", "area_mm2" if flat else "volume_mm3", *axes])
    centres = center_of_mass(array > 0, array, numbers) if len(numbers) else []
    for number, centre in zip(numbers, centres, strict=True):
        place = instances.TransformContinuousIndexToPhysicalPoint([float(value) for value in centre[::-1]])
        writer.writerow(
            [int(number), int(counts[number]), f"{counts[number] * size_mm:.4f}", *[f"{v:.3f}" for v in place]]
        )
    return text.getvalue()
