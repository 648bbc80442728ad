from __future__ import annotations

import numpy as np
import pytest
import torch
from mambamed.emphysema.phantom import ChestPhantomSettings
from mambamed.emphysema.phantom import make_chest_phantom
from mambamed.segmentation.inside_body import BACKGROUND_LEAD
from mambamed.segmentation.inside_body import body_mask
from mambamed.segmentation.inside_body import keep_inside_body
from SimpleITK import GetArrayFromImage

SPACING_MM = (4.0, 3.0, 2.5)


def slab() -> tuple[np.ndarray, np.ndarray]:
    """A body (1) with a lung (0) in it on a thin table, and where the lung is."""
    image = np.zeros((12, 30, 40), np.float32)
    image[:, 6:24, 6:34] = 1.0
    lung = np.zeros(image.shape, bool)
    lung[2:10, 11:19, 12:28] = True
    image[lung] = 0.0
    image[:, 28, :] = 1.0
    return image, lung


def test_body_holds_its_air_and_no_table() -> None:
    image, lung = slab()
    body = body_mask(image, 0.5, SPACING_MM)
    assert body[lung].all()
    assert body[image > 0.5][: image[:, 6:24].size].any()
    assert not body[:, 28].any()
    assert not body[:, :6].any()
    assert body_mask(np.zeros((4, 5, 6)), 0.5, SPACING_MM).all(), "without tissue nothing is removed"


def test_labels_outside_become_background_and_the_volume_is_told() -> None:
    image, lung = slab()
    logits = torch.zeros((3, *image.shape))
    logits[0] = 1.0
    logits[1][torch.from_numpy(lung)] = 5.0
    logits[2, :, 1:4, 3:9] = 4.0
    removed_ml = keep_inside_body(logits, image, 0.5, SPACING_MM)
    assert removed_ml == pytest.approx(12 * 3 * 6 * 30.0 / 1000.0)
    labels = logits.argmax(0).numpy()
    assert ((labels == 1) == lung).all()
    assert not (labels == 2).any()
    assert float(logits[2, 0, 2, 4]) == 1.0 - BACKGROUND_LEAD
    assert keep_inside_body(logits, image, 0.5, SPACING_MM) == 0.0


def test_lungs_of_a_phantom_lie_inside() -> None:
    phantom = make_chest_phantom(ChestPhantomSettings(seed=4, size=(64, 50, 48), spacing_mm=(6.0, 6.0, 7.0)))
    ct, labels = (GetArrayFromImage(image) for image in (phantom.ct, phantom.labels))
    body = body_mask(ct, -500.0, (7.0, 6.0, 6.0))
    lungs = np.isin(labels, (1, 2))
    assert body[lungs].mean() > 0.995
    assert body.mean() < 0.9
