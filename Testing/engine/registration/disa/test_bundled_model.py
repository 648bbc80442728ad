"""The bundled weights: found, whole, used without being named, and good enough to tell places apart."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.models.catalogue import find_model
from mambamed.registration.disa import clip_norm
from mambamed.registration.disa import descriptors
from mambamed.registration.disa.training.batches import draw_batch
from mambamed.registration.disa.training.positions import gather_features
from mambamed.registration.disa.weights import default_network
from mambamed.registration.disa_training_settings import DISATrainingSettings


def test_the_card_tells_what_it_is():
    card = find_model("disa-lc2").card
    assert card.task == "registration"
    assert card.demonstration_only
    assert card.weights[0].bytes < 500_000
    assert {metric.name for metric in card.metrics} >= {"R2 against LC2", "Pearson correlation with LC2"}


def test_images_are_described_without_naming_weights():
    noise = np.random.default_rng(0).normal(size=(20, 24, 28)).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 2.0)
    image.SetSpacing((2.0, 2.0, 2.0))
    found = descriptors(image, precision="float32").tensor
    assert found.shape == (1, 16, 7, 6, 5)
    assert float(found.norm(dim=1).max()) <= 1.0 + 1e-5
    assert float(found.std(dim=(2, 3, 4)).mean()) > 0.05  # places differ


@pytest.mark.parametrize("step", [910_000, 910_001])
def test_dot_products_follow_lc2_on_scenes_that_no_training_drew(step):
    batch = draw_batch(DISATrainingSettings(scenes=1, positions=96, seed=77), step, torch.device("cpu"))
    with torch.inference_mode():
        found = clip_norm(gather_features(default_network()(batch.volumes), batch.positions))
    products = found @ found.T
    apart = ~torch.eye(len(found), dtype=torch.bool)
    alike, unlike = (batch.targets > 0.5) & apart, (batch.targets < 0.1) & apart
    assert int(alike.sum()) > 20
    assert float(products[alike].mean() - products[unlike].mean()) > 0.2
