"""The synthetic volumes: repeatable, few parts, contrasts that share an anatomy, every kind of look finite."""

from __future__ import annotations

import numpy as np
import pytest
from mambamed.registration.disa.training.contrasts import draw_palette
from mambamed.registration.disa.training.fields import blurred_noise
from mambamed.registration.disa.training.scenes import draw_scene
from mambamed.registration.disa.training.shapes import paint_labels
from mambamed.registration.disa.training.shapes import random_labels
from mambamed.registration.disa.training.ultrasound import as_ultrasound


def test_scenes_are_repeatable_and_different():
    first, again, other = (draw_scene(np.random.default_rng(seed), 25) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (2, 25, 25, 25)
    assert first.dtype == np.float32
    assert np.abs(first - other).max() > 0.1


def test_labels_are_few_and_large():
    shares = []
    for seed in range(12):
        labels = random_labels(np.random.default_rng(seed), 29)
        assert labels.max() <= 8
        shares.append(np.bincount(labels.ravel()).max() / labels.size)
    assert np.mean(shares) > 0.3


def test_contrasts_share_their_edges():
    """Edges of two contrasts of a scene lie at the same places more often than those of two scenes."""

    def edges(volume):
        return np.sqrt(sum(slope**2 for slope in np.gradient(volume))).ravel()

    own, foreign = [], []
    for seed in range(16):
        first, second = draw_scene(np.random.default_rng(seed), 25)
        stranger = draw_scene(np.random.default_rng(1000 + seed), 25)[0]
        own.append(np.corrcoef(edges(first), edges(second))[0, 1])
        foreign.append(np.corrcoef(edges(first), edges(stranger))[0, 1])
    assert np.mean(own) > np.mean(foreign) + 0.2


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        (0, (0, 0, 0, 0), 21**2 * 10),  # half space beyond the centre plane
        (1, (6, 6, 6, 0), 4 / 3 * np.pi * 6**3),
        (2, (8, 8, 8, 2), 4 / 3 * np.pi * (8**3 - 6**3)),
        (3, (1.5, 0, 0, 0), 21**2 * 3),
        (4, (4, 0, 0, 0), np.pi * 4**2 * 21),
    ],
)
def test_objects_have_the_volume_of_their_kind(kind, size, expected):
    labels = np.zeros((21,) * 3, np.uint8)
    objects = np.array([[kind, 3, 10, 10, 10, *np.eye(3).ravel()]], np.float32)
    paint_labels(labels, np.zeros((3, 21, 21, 21), np.float32), objects, np.array([size], np.float32))
    assert set(np.unique(labels)) == {0, 3}
    assert (labels == 3).sum() == pytest.approx(expected, rel=0.12)


def test_a_ct_palette_has_soft_tissues_close_together():
    spreads = [np.median(np.abs(draw_palette(np.random.default_rng(seed), 9))) for seed in range(40)]
    assert min(spreads) < 0.12 < 0.3 < max(spreads)


def test_ultrasound_darkens_behind_a_strong_interface():
    image = np.zeros((25, 25, 25), np.float32)
    image[12:] = 3.0
    looks = [as_ultrasound(np.random.default_rng(seed), image) for seed in range(30)]
    assert all(np.isfinite(look).all() for look in looks)
    # Whatever the beam's direction, interfaces echo: the brightest plane is next to the interface in most looks.
    brightest = [look.mean(axis=(1, 2)).argmax() for look in looks]
    assert np.isin(brightest, (11, 12)).sum() >= 5


def test_noise_is_blurred_and_of_unit_size():
    rough = blurred_noise(np.random.default_rng(0), 25, 0.0)
    smooth = blurred_noise(np.random.default_rng(0), 25, 2.0)
    assert rough.std() == pytest.approx(1.0, abs=0.05)
    assert smooth.std() == pytest.approx(1.0, abs=0.01)
    assert np.diff(smooth, axis=0).std() < 0.5 * np.diff(rough, axis=0).std()
