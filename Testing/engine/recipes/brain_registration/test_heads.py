"""The recipe's synthetic heads, on a template made of balls."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engine.segmentation.brain_recipe.ball_template import ball_template
from mambamed.jobs.reporter import NullReporter
from mambamed.recipes.brain_registration import heads
from mambamed.recipes.brain_registration.pairs import LIMITS
from mambamed.recipes.brain_registration.pairs import make_pairs
from mambamed.recipes.brain_registration.structures import make_atlas
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.training.sources import pair_source
from mambamed.segmentation.brain_recipe.classes import AnatomyClass

SHAPE = (33, 37, 29)
REGIONS = {AnatomyClass.CORTEX: 3, AnatomyClass.VENTRICLES: 1}


@pytest.fixture(scope="module")
def template():
    return ball_template()


@pytest.fixture
def small_heads(monkeypatch, template):
    monkeypatch.setattr(heads, "HEAD_SHAPE", SHAPE)
    monkeypatch.setattr(heads, "SPACING_MM", 6.0)
    monkeypatch.setattr(heads, "load_template", lambda: template)
    monkeypatch.setattr(heads, "make_atlas", lambda found: make_atlas(found, REGIONS))


def test_regions_lie_alike_on_both_sides(template) -> None:
    atlas = make_atlas(template, REGIONS)
    anatomy = np.full((2, 1, 1), AnatomyClass.CORTEX, np.uint8)
    places = np.array([[4.0, 60.0, 20.0], [4.0, 60.0, -20.0]], np.float32).reshape(2, 1, 1, 3)
    left, right = (int(value) for value in atlas.structures(anatomy, places).ravel())
    assert {left % 2, right % 2} == {0, 1}
    assert abs(left - right) == 1
    ventricle = atlas.structures(np.full((1, 1, 1), AnatomyClass.VENTRICLES, np.uint8), places[:1])
    assert int(ventricle[0, 0, 0]) > 2 * REGIONS[AnatomyClass.CORTEX]


def test_heads_are_made_once_and_read_again(tmp_path, small_heads, monkeypatch) -> None:
    first = heads.make_heads(2, 5, tmp_path, NullReporter())
    monkeypatch.setattr(heads, "load_template", lambda: pytest.fail("the heads are there already"))
    again = heads.make_heads(2, 5, tmp_path, NullReporter())
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.scored, other.scored)
        assert np.array_equal(one.places, other.places)
    assert first[0].painted.shape == SHAPE[::-1]
    assert first[0].places.shape == (3, 8, 10, 9)
    assert not np.array_equal(first[0].painted, first[1].painted)
    assert set(np.unique(first[0].scored)) == set(range(9))
    # Structures lie where their tissue is painted.
    assert np.all(first[0].painted[(first[0].scored > 0) & (first[0].scored < 7)] == AnatomyClass.CORTEX)


def test_draws_leave_what_an_alignment_leaves() -> None:
    first, again, other = (heads.draw_head(1, number) for number in (3, 3, 4))
    assert first == again
    assert first.warp_mm != other.warp_mm
    assert not first.mirrored
    assert max(map(abs, first.rotation_deg)) <= 2.5


def test_pairs_of_the_recipe(tmp_path, small_heads) -> None:
    settings = NetworkTrainingSettings(
        recipe="vmambamorph-brain", grid_shape=(24, 32, 24), spacing_mm=6.0, synthetic_maps=4, validation_pairs=2
    )
    pairs = make_pairs(settings, tmp_path, NullReporter())
    assert pairs.limits == LIMITS
    pair = pairs.training_pair(0)
    assert pair.source.shape == (1, 24, 32, 24)
    assert 0.0 <= float(pair.source.min()) <= float(pair.target.max()) <= 1.0
    assert int((pair.target_labels > 0).sum()) > 1000
    # A grid smaller than a head may lie anywhere in it.
    part = make_pairs(settings.replace(grid_shape=(16, 16, 16)), tmp_path, NullReporter())
    assert part.limits.common.shift_mm == pytest.approx((150.0 - 96.0) / 2.0)
    assert part.limits.own == LIMITS.own
    again = pair_source(settings, tmp_path, NullReporter()).training_pair(0)
    assert torch.equal(pair.source, again.source)
    # The head stays in the middle of the grid, whatever is drawn.
    for number in range(4):
        labels = pairs.training_pair(number).target_labels
        middle = torch.nonzero(labels > 0).float().mean(dim=0)
        assert torch.all((middle - torch.tensor([11.5, 15.5, 11.5])).abs() < 4.0)
