from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mambamed.segmentation.evaluation.masks import dice
from mambamed.segmentation.evaluation.masks import score_masks
from mambamed.segmentation.evaluation.masks import surface_distances_mm
from monai import metrics
from scipy.ndimage import gaussian_filter

SPACINGS = [(1.0, 1.0, 1.0), (2.5, 0.7, 1.1), (0.9, 1.3)]


def random_masks(seed: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Two masks that resemble each other, of several pieces, touching the border."""
    random = np.random.default_rng(seed)
    field = gaussian_filter(random.normal(size=shape), 1.5)
    other = field + 0.5 * gaussian_filter(random.normal(size=shape), 1.0)
    return field > np.quantile(field, 0.7), other > np.quantile(other, 0.75)


def slow_surface(mask: np.ndarray) -> np.ndarray:
    """Indices of voxels with a face neighbour outside the mask, one by one."""
    found = []
    for place in np.argwhere(mask):
        for axis in range(mask.ndim):
            for step in (-1, 1):
                beside = place.copy()
                beside[axis] += step
                inside = 0 <= beside[axis] < mask.shape[axis]
                if not inside or not mask[tuple(beside)]:
                    found.append(tuple(place))
    return np.array(sorted(set(found)))


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(3))
def test_surface_scores_agree_with_the_slow_formula(spacing: tuple[float, ...], seed: int) -> None:
    shape = (7, 9, 11)[-len(spacing) :]
    first, second = random_masks(seed, shape)
    a, b = (slow_surface(mask) * np.asarray(spacing) for mask in (first, second))
    distances = np.linalg.norm(a[:, None] - b[None], axis=-1)
    forth, back = distances.min(1), distances.min(0)
    found = surface_distances_mm(first, second, spacing)
    assert np.allclose(np.sort(found[0]), np.sort(forth))
    assert np.allclose(np.sort(found[1]), np.sort(back))
    scores = score_masks(first, second, spacing, tolerance_mm=1.2)
    assert scores.hd95_mm == pytest.approx(max(np.percentile(forth, 95), np.percentile(back, 95)))
    assert scores.nsd == pytest.approx(((forth <= 1.2).sum() + (back <= 1.2).sum()) / (len(forth) + len(back)))
    assert scores.dice == pytest.approx(2 * (first & second).sum() / (first.sum() + second.sum()))


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(4))
def test_scores_agree_with_monai(spacing: tuple[float, ...], seed: int) -> None:
    first, second = random_masks(seed, (12, 17, 15)[-len(spacing) :])
    given = [torch.from_numpy(mask)[None, None].float() for mask in (first, second)]
    scores = score_masks(first, second, spacing, tolerance_mm=1.5)
    surface = metrics.compute_surface_dice(*given, class_thresholds=[1.5], include_background=True, spacing=spacing)
    hausdorff = metrics.compute_hausdorff_distance(*given, include_background=True, percentile=95, spacing=spacing)
    assert scores.nsd == pytest.approx(float(surface), abs=1e-6)
    assert scores.hd95_mm == pytest.approx(float(hausdorff), abs=1e-4)
    assert scores.dice == pytest.approx(float(metrics.compute_dice(*given)), abs=1e-6)


def test_one_mask_far_away_or_one_voxel_off() -> None:
    reference = np.zeros((6, 7, 20), bool)
    reference[2:4, 2:5, 2:8] = True
    same = score_masks(reference, reference, (2.0, 1.0, 3.0), 0.0)
    assert (same.dice, same.nsd, same.hd95_mm, same.volume_error_ml) == (1.0, 1.0, 0.0, 0.0)
    moved = np.roll(reference, 1, axis=2)
    assert score_masks(moved, reference, (2.0, 1.0, 3.0), 3.0).nsd == 1.0
    assert score_masks(moved, reference, (2.0, 1.0, 3.0), 2.9).nsd < 1.0
    far = np.roll(reference, 10, axis=2)
    scores = score_masks(far, reference, (2.0, 1.0, 3.0), 5.0)
    assert scores.dice == 0.0
    assert scores.nsd == 0.0
    assert 15.0 < scores.hd95_mm <= 30.0


def test_volume_error_has_sign_and_units() -> None:
    reference = np.zeros((5, 5, 5), bool)
    reference[1:3, 1:3, 1:3] = True
    larger = reference.copy()
    larger[3, 1:3, 1:3] = True
    scores = score_masks(larger, reference, (10.0, 5.0, 2.0))
    assert scores.volume_error_ml == pytest.approx(4 * 100.0 / 1000.0)
    assert scores.volume_error_percent == pytest.approx(50.0)
    assert math.isnan(scores.nsd), "no tolerance, no surface score"
    flat = score_masks(larger[:, 1], reference[:, 1], (5.0, 2.0))
    assert flat.area_error_mm2 == pytest.approx(2 * 10.0)
    assert math.isnan(flat.volume_error_ml)


def test_empty_in_both_and_in_one() -> None:
    empty, full = np.zeros((4, 5, 6), bool), np.ones((4, 5, 6), bool)
    both = score_masks(empty, empty, (1, 1, 1), 1.0)
    assert (both.dice, both.nsd) == (1.0, 1.0)
    assert math.isnan(both.hd95_mm)
    assert math.isnan(both.volume_error_percent)
    for prediction, reference in ((empty, full), (full, empty)):
        scores = score_masks(prediction, reference, (1, 1, 1), 1.0)
        assert (scores.dice, scores.nsd) == (0.0, 0.0)
        assert math.isnan(scores.hd95_mm)
    assert score_masks(empty, full, (1, 1, 1), 1.0).volume_error_percent == -100.0
    assert dice(empty, empty) == 1.0
