from __future__ import annotations

import numpy as np
import pytest
from mambamed.segmentation.cell_recipe.dataset import draw_picture
from mambamed.segmentation.evaluation.matching import match_instances
from mambamed.segmentation.instances import BOUNDARY
from mambamed.segmentation.instances import INTERIOR
from mambamed.segmentation.instances import instances_from_classes
from mambamed.segmentation.instances import interior_and_boundary


def touching_cells() -> np.ndarray:
    cells = np.zeros((13, 20), np.int32)
    cells[2:11, 1:9] = 4
    cells[2:11, 9:18] = 9
    return cells


def test_touching_cells_are_apart_by_their_rims() -> None:
    classes = interior_and_boundary(touching_cells(), thickness=2)
    assert set(np.unique(classes)) == {0, INTERIOR, BOUNDARY}
    assert (classes[6, 7:11] == BOUNDARY).all()
    assert ((classes > 0) == (touching_cells() > 0)).all()
    assert (classes[4:9, 3:7] == INTERIOR).all()
    back = instances_from_classes(classes)
    assert set(np.unique(back)) == {0, 1, 2}
    assert match_instances(back, touching_cells()).mean_iou > 0.95


def test_three_dimensions_and_the_border_of_the_image() -> None:
    cells = np.zeros((9, 11, 12), int)
    cells[:5, :6, :5] = 1
    cells[4:, 5:, 6:] = 2
    back = instances_from_classes(interior_and_boundary(cells, thickness=1))
    assert match_instances(back, cells).mean_iou == 1.0
    assert interior_and_boundary(cells, 2)[0, 0, 0] == INTERIOR, "a cell may go on beyond the image's border"


def test_cell_without_room_for_an_inside_is_kept() -> None:
    cells = np.zeros((8, 9), int)
    cells[1, 1] = 1
    cells[3:5, 2:8] = 2
    assert set(np.unique(instances_from_classes(interior_and_boundary(cells, 3)))) == {0, 1, 2}


def test_rim_without_inside_is_no_cell() -> None:
    classes = np.zeros((9, 16), np.uint8)
    classes[2:7, 2:7] = BOUNDARY
    classes[3:6, 3:6] = INTERIOR
    classes[2:6, 11:14] = BOUNDARY
    instances = instances_from_classes(classes)
    assert instances.max() == 1
    assert (instances[2:7, 2:7] == 1).all()
    assert (instances[:, 9:] == 0).all()


def test_small_instances_are_removed_and_numbers_have_no_gaps() -> None:
    classes = np.zeros((10, 20), np.uint8)
    classes[1, 1] = INTERIOR
    classes[3:8, 4:9] = INTERIOR
    classes[3:8, 12:18] = INTERIOR
    instances = instances_from_classes(classes, smallest=5)
    assert set(np.unique(instances)) == {0, 1, 2}
    assert instances_from_classes(np.zeros((4, 5), int)).max() == 0


@pytest.mark.parametrize("number", range(5))
def test_synthetic_pictures_survive_the_way_there_and_back(number: int) -> None:
    _, cells, _ = draw_picture(1, number)
    scores = match_instances(instances_from_classes(interior_and_boundary(cells)), cells)
    assert scores.recall > 0.9
    assert scores.f1 > 0.85
