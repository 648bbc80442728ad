"""Volumes in millilitres, areas in square millimetres."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.segmentation.labels import SegmentationLabel
from mambamed.segmentation.volumes import label_volumes
from mambamed.segmentation.volumes import volumes_csv

LABELS = (SegmentationLabel(1, "a, with comma", 1, (1, 2, 3)), SegmentationLabel(4, "absent", 2, (1, 2, 3)))


def test_volume_of_a_box() -> None:
    array = np.zeros((5, 6, 7), dtype=np.uint8)
    array[1:3, 2:5, 1:5] = 1
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.5, 2.0, 3.0))
    volumes = label_volumes(image, LABELS)
    assert [volume.voxels for volume in volumes] == [24, 0]
    assert volumes[0].millilitres == pytest.approx(24 * 3.0 / 1000)
    text = volumes_csv(volumes)
    assert text.splitlines()[0] == "value,name,voxels,volume_ml"
    assert '"a, with comma"' in text


def test_area_of_a_picture() -> None:
    array = np.ones((4, 5), dtype=np.uint8)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.1, 0.2))
    volumes = label_volumes(image, LABELS)
    assert volumes[0].millilitres is None
    assert volumes[0].square_millimetres == pytest.approx(20 * 0.02)
    assert volumes_csv(volumes).splitlines()[0].endswith("area_mm2")
