from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from mambamed.segmentation.evaluation.matching import match_instances


def brute_force(prediction: np.ndarray, reference: np.ndarray) -> int:
    """Largest number of one-to-one pairs of IoU 0.5 or more, over all assignments."""
    cells = [[array == value for value in np.unique(array) if value] for array in (prediction, reference)]
    pairs = [[(a & b).sum() / (a | b).sum() >= 0.5 for b in cells[1]] for a in cells[0]]
    if not cells[0] or not cells[1]:
        return 0
    if len(cells[0]) > len(cells[1]):
        pairs = [list(row) for row in zip(*pairs, strict=True)]
    orders = itertools.permutations(range(len(pairs[0])), len(pairs))
    return max(sum(pairs[row][column] for row, column in enumerate(order)) for order in orders)


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_all_assignments(seed: int) -> None:
    random = np.random.default_rng(seed)
    reference, prediction = np.zeros((2, 9, 13), int)
    for value in range(1, int(random.integers(2, 6))):
        y, x = random.integers(0, 7), random.integers(0, 10)
        reference[y : y + 3, x : x + 4] = 3 * value
        moved = x + random.integers(-1, 2)
        prediction[y : y + 3, max(0, moved) : moved + 4] = 100 - value
    scores = match_instances(prediction, reference)
    count_predicted, count_expected = len(np.unique(prediction)) - 1, len(np.unique(reference)) - 1
    hits = brute_force(prediction, reference)
    assert scores.true_positives == hits
    assert scores.false_positives == count_predicted - hits
    assert scores.false_negatives == count_expected - hits
    assert scores.f1 == pytest.approx(2 * hits / (count_predicted + count_expected))


def test_halves_of_one_cell_match_once() -> None:
    reference = np.zeros((4, 8), int)
    reference[1:3] = 1
    prediction = reference.copy()
    prediction[1:3, 4:] = 2
    scores = match_instances(prediction, reference)
    assert (scores.true_positives, scores.false_positives, scores.false_negatives) == (1, 1, 0)
    assert scores.mean_iou == 0.5


def test_two_cells_taken_for_one_and_numbers_do_not_matter() -> None:
    reference = np.zeros((6, 12), int)
    reference[1:5, 1:4] = 1
    reference[1:5, 6:11] = 2
    assert match_instances(reference * 7, reference).f1 == 1.0
    merged = (reference > 0).astype(int)
    scores = match_instances(merged, reference)
    assert (scores.true_positives, scores.false_negatives) == (1, 1)


def test_without_any_cell() -> None:
    empty, one = np.zeros((3, 4), int), np.zeros((3, 4), int)
    one[1, 1:3] = 5
    assert match_instances(empty, empty).f1 == 1.0
    assert math.isnan(match_instances(empty, empty).mean_iou)
    assert match_instances(one, empty).f1 == 0.0
    missed = match_instances(empty, one)
    assert (missed.f1, missed.recall, missed.precision, missed.false_negatives) == (0.0, 0.0, 0.0, 1)
