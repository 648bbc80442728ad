from __future__ import annotations

import csv
import io

import numpy as np
import SimpleITK as sitk
from mambamed.segmentation.instance_output import instance_image
from mambamed.segmentation.instance_output import instance_table


def labelmap() -> sitk.Image:
    classes = np.zeros((21, 34), np.uint8)
    classes[2:10, 2:12] = 2
    classes[3:9, 3:11] = 1
    classes[11:19, 15:31] = 2
    classes[12:18, 16:30] = 1
    classes[1, 30] = 1
    image = sitk.GetImageFromArray(classes)
    image.SetSpacing((0.5, 0.25))
    image.SetOrigin((10.0, -4.0))
    return image


def test_instances_lie_on_the_grid_and_specks_are_left_out() -> None:
    instances = instance_image(labelmap())
    assert instances.GetSpacing() == (0.5, 0.25)
    assert instances.GetPixelID() == sitk.sitkUInt16
    assert set(np.unique(sitk.GetArrayViewFromImage(instances))) == {0, 1, 2}


def test_table_has_area_and_centre_in_millimetres() -> None:
    rows = list(csv.DictReader(io.StringIO(instance_table(instance_image(labelmap())))))
    assert [(row["number"], row["pixels"]) for row in rows] == [("1", "80"), ("2", "128")]
    assert float(rows[0]["area_mm2"]) == 80 * 0.125
    assert (float(rows[0]["x_mm"]), float(rows[0]["y_mm"])) == (10.0 + 6.5 * 0.5, -4.0 + 5.5 * 0.25)


def test_three_dimensions_and_nothing_at_all() -> None:
    volume = sitk.GetImageFromArray(np.zeros((5, 6, 7), np.uint8))
    instances = instance_image(volume)
    assert instances.GetSize() == (7, 6, 5)
    assert instance_table(instances) == "number,voxels,volume_mm3,x_mm,y_mm,z_mm\n"
