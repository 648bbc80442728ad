from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.models.catalogue import find_model
from mambamed.models.catalogue import verify_weights
from mambamed.segmentation import load_model
from mambamed.segmentation.cell_recipe.dataset import draw_picture
from mambamed.segmentation.cell_recipe.judge import HELD_OUT_SEED
from mambamed.segmentation.cell_recipe.picture import paint_instances
from mambamed.segmentation.evaluation.matching import match_instances
from mambamed.segmentation.instances import instances_from_classes


def test_card_is_complete_and_weights_are_its_own() -> None:
    entry = find_model("cells-microscopy")
    verify_weights(entry)
    card = entry.card
    assert sum(weights.bytes or 0 for weights in card.weights) < 15e6
    assert card.demonstration_only
    assert card.makes_instances
    assert any("real" in metric.measured_on for metric in card.metrics)
    assert any("baseline" in metric.name for metric in card.metrics)


@pytest.mark.slow
def test_cells_of_a_picture_never_seen_are_found() -> None:
    model = load_model("cells-microscopy", device="cpu")
    scores = []
    for number in (0, 1):
        picture, truth, _ = draw_picture(HELD_OUT_SEED, number, 160)
        found = instances_from_classes(
            sitk.GetArrayFromImage(model.predict(sitk.GetImageFromArray(picture)).labelmap), 9
        )
        scores.append(match_instances(found, truth).f1)
    assert np.mean(scores) > 0.5


def test_instances_are_painted_over_the_picture() -> None:
    instances = np.array([[0, 1], [2, 2]])
    drawn = paint_instances(np.full((2, 2), 100, np.uint8), instances)
    assert tuple(drawn[0, 0]) == (100, 100, 100)
    assert tuple(drawn[0, 1]) != tuple(drawn[1, 0])
    assert tuple(drawn[1, 0]) == tuple(drawn[1, 1])
