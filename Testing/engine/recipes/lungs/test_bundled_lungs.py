from __future__ import annotations

import pytest
import SimpleITK as sitk
from mambamed.models.catalogue import find_model
from mambamed.models.catalogue import verify_weights
from mambamed.recipes.lungs.dataset import draw_phantom
from mambamed.recipes.lungs.judge import HELD_OUT_SEED
from mambamed.segmentation import load_model
from mambamed.segmentation.evaluation.masks import dice


def test_card_is_complete_and_weights_are_its_own() -> None:
    entry = find_model("lungs-ct")
    verify_weights(entry)
    card = entry.card
    assert sum(weights.bytes or 0 for weights in card.weights) < 15e6
    assert card.demonstration_only
    assert card.orientation == "LPS"
    assert card.one_piece_per_label
    assert {label.terminology["type"]["meaning"] for label in card.labels} == {"Lung", "Airway structure"}
    assert any("Lung-PET-CT-Dx" in metric.measured_on for metric in card.metrics)
    assert any("phantoms" in metric.measured_on for metric in card.metrics)


@pytest.mark.slow
def test_lungs_of_a_phantom_never_seen_are_found_on_their_sides() -> None:
    ct, truth = draw_phantom(HELD_OUT_SEED, 1)
    turned = sitk.DICOMOrient(ct, "RAS")
    found = load_model("lungs-ct", device="cpu").predict(turned).labelmap
    labels = sitk.GetArrayFromImage(sitk.DICOMOrient(found, "LPS"))
    values = sitk.GetArrayFromImage(truth)
    for side in (1, 2):
        assert dice(labels == side, values == side) > 0.85
