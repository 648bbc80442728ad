"""The bundled models load, are small, and do what their cards say on a few cases."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.emphysema.patterns import classify_patches
from mambamed.emphysema.phantom import ChestPhantomSettings
from mambamed.emphysema.phantom import make_chest_phantom
from mambamed.emphysema.severity import grade
from mambamed.models.catalogue import find_model


@pytest.mark.parametrize(("name", "limit"), [("emphysema-patterns", 2e6), ("emphysema-severity-demo", 5e6)])
def test_they_are_small_and_have_cards_with_measures_and_limits(name, limit):
    entry = find_model(name)
    assert entry.is_bundled
    assert sum(file.stat().st_size for file in entry.folder.iterdir()) < limit
    assert entry.card.metrics
    assert entry.card.limits
    assert entry.card.demonstration_only == (name == "emphysema-severity-demo")


def test_more_lesions_give_a_higher_grade_and_a_healthy_phantom_none():
    grades = []
    for pattern, extent in (("none", 0.0), ("centrilobular", 40.0)):
        phantom = make_chest_phantom(
            ChestPhantomSettings(seed=77, size=(80, 60, 82), pattern=pattern, extent_percent=extent)
        )
        labels = sitk.GetArrayFromImage(phantom.labels)
        hu = sitk.GetArrayFromImage(phantom.ct)
        grades.append(grade(hu, np.isin(labels, (1, 2)), (4.0, 4.0, 4.0), device="cpu"))
    assert [result.grade for result in grades] == ["none", "severe"]
    assert grades[0].demonstration


@pytest.mark.shared_data
def test_the_pattern_model_knows_the_patches_it_learned_from(shared_folder):
    with np.load(shared_folder / "data" / "chest_ct" / "emphysema_patches" / "patches.npz") as content:
        patches, labels = content["patches"][::4], content["labels"][::4]
    codes, probabilities = classify_patches(patches, device="cpu")
    assert np.mean(codes == labels) > 0.8
    assert np.mean((codes == "NT") == (labels == "NT")) > 0.95
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-4)
