"""Volume of every label, in millilitres."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mambamed.imaging.geometry import voxel_volume_mm3
from mambamed.segmentation.labels import SegmentationLabel

__all__ = ["LabelVolume", "label_volumes", "volumes_csv"]


@dataclass(frozen=True)
class LabelVolume:
    """How much of the image a label takes.

    Attributes:
        label: The label.
        voxels: Number of its voxels.
        millilitres: Its volume in ml; for 2D images None.
        square_millimetres: Its area in mm^2, for 2D images only.
    """

    label: SegmentationLabel
    voxels: int
    millilitres: float | None
    square_millimetres: float | None


def label_volumes(labelmap: sitk.Image, labels: Sequence[SegmentationLabel]) -> list[LabelVolume]:
    """Count the voxels of each label.

    Args:
        labelmap: Label map with its geometry.
        labels: Labels to count.

    Returns:
        One entry per label, in their order.
    """
    counts = np.bincount(sitk.GetArrayViewFromImage(labelmap).ravel())
    size_mm = voxel_volume_mm3(labelmap)
    volumes = []
    for label in labels:
        voxels = int(counts[label.value]) if label.value < len(counts) else 0
        if labelmap.GetDimension() == 2:
            volumes.append(LabelVolume(label, voxels, None, voxels * size_mm))
        else:
            volumes.append(LabelVolume(label, voxels, voxels * size_mm / 1000.0, None))
    return volumes


def volumes_csv(volumes: Sequence[LabelVolume]) -> str:
    """Write volumes as a table: value, name, voxels, and millilitres or square millimetres."""
    flat = bool(volumes) and volumes[0].millilitres is None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["value", "name", "voxels", "area_mm2" if flat else "volume_ml"])
    for volume in volumes:
        amount = volume.square_millimetres if flat else volume.millilitres
        writer.writerow([volume.label.value, volume.label.name, volume.voxels, f"{amount:.4f}"])
    return text.getvalue()
