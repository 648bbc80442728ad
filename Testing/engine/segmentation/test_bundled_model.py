from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.models.catalogue import find_model
from mambamed.models.catalogue import verify_weights
from mambamed.segmentation import load_model
from mambamed.segmentation.brain_recipe.judge import dice
from mambamed.segmentation.brain_recipe.template import template_file


def test_card_is_complete_and_names_its_limits() -> None:
    card = find_model("brain-tissue-mr").card
    assert sum(weights.bytes or 0 for weights in card.weights) < 15e6
    assert card.demonstration_only
    assert any("Not for clinical use" in limit for limit in card.limits)
    measured = {(metric.name, metric.label, metric.measured_on.split(",")[1]) for metric in card.metrics}
    for contrast in (" T1 at 2 mm", " FLAIR at 2 mm"):
        for tissue in ("grey matter", "white matter", "ventricles", "brain mask"):
            assert ("Dice", tissue, contrast) in measured
    assert [label.value for label in card.labels] == [1, 2, 3]


def test_weights_are_those_of_the_card() -> None:
    verify_weights(find_model("brain-tissue-mr"))


@pytest.mark.slow
def test_template_is_segmented() -> None:
    image = sitk.ReadImage(str(template_file("t1")))
    tissues = sitk.GetArrayFromImage(
        load_model(find_model("brain-tissue-mr").folder, device="cpu").predict(image).labelmap
    )
    grey, white = (sitk.GetArrayFromImage(sitk.ReadImage(str(template_file(kind)))) for kind in ("gm", "wm"))
    assert dice(tissues > 0, sitk.GetArrayFromImage(image) > 0) > 0.9
    assert dice(tissues == 1, (grey > 127) & (grey > white)) > 0.65
    assert dice(tissues == 2, (white > 127) & (white > grey)) > 0.65
    assert set(np.unique(tissues)) == {0, 1, 2, 3}
