from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from mambamed.segmentation.comparison.paired_tests import compare_with_baseline
from mambamed.segmentation.comparison.paired_tests import holm
from mambamed.segmentation.comparison.paired_tests import paired_test


def by_case(values: list[float]) -> dict[str, float]:
    return {f"case {number}": value for number, value in enumerate(values)}


def exact_p(differences: list[float]) -> float:
    """Two-sided p of the signed-rank test by trying every sign."""
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    observed = abs(sum(rank if value > 0 else -rank for rank, value in zip(ranks, differences, strict=True)))
    sums = [
        abs(sum(s * r for s, r in zip(signs, ranks, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(ranks))
    ]
    return float(np.mean([value >= observed for value in sums]))


@pytest.mark.parametrize("seed", range(3))
def test_p_agrees_with_all_signs(seed: int) -> None:
    differences = list(np.random.default_rng(seed).normal(0.4, 1.0, 9))
    test = paired_test(by_case(differences), by_case([0.0] * 9))
    assert test.p == pytest.approx(exact_p(differences))
    assert test.mean_difference == pytest.approx(np.mean(differences))
    assert test.low < test.mean_difference < test.high
    assert test.smallest_p == pytest.approx(2 / 2**9)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_verdicts() -> None:
    base = by_case([0.5 + 0.01 * n for n in range(8)])
    scores = {
        "baseline": base,
        "better": {case: value + 0.1 + 0.01 * value for case, value in base.items()},
        "same": dict(base),
        "worse": {case: value - 0.2 - 0.01 * value for case, value in base.items()},
    }
    tests = compare_with_baseline(scores, "baseline")
    assert {name: test.verdict for name, test in tests.items()} == {
        "better": "better",
        "same": "no difference shown",
        "worse": "worse",
    }
    assert tests["same"].p == 1.0
    assert all(test.p_holm >= test.p for test in tests.values())


def test_few_cases_cannot_show_anything() -> None:
    test = paired_test(by_case([0.9] * 4), by_case([0.1, 0.2, 0.3, 0.4]))
    assert test.smallest_p > 0.05
    assert test.verdict == "too few cases to tell"


def test_only_cases_with_both_scores_count() -> None:
    method = {"a": 0.5, "b": math.nan, "c": 0.7, "e": 0.1}
    baseline = {"a": 0.4, "b": 0.4, "c": 0.4, "d": 0.9}
    assert paired_test(method, baseline).cases == 2
    assert paired_test({}, baseline).p == 1.0
