"""Is one method better than another on the same cases? Differences, Wilcoxon's test, Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

__all__ = ["PairedTest", "compare_with_baseline", "holm", "paired_test"]

_RESAMPLES = 10_000
_LEVEL = 0.05


@dataclass(frozen=True)
class PairedTest:
    """One method against the baseline, case by case.

    Attributes:
        cases: Pairs, that is cases with a score of both.
        mean_difference: Method minus baseline.
        low: Lower end of the 95 % bootstrap interval of the mean difference.
        high: Its upper end.
        p: Two-sided p of Wilcoxon's signed-rank test; 1 if all differences are 0.
        p_holm: The same, corrected for the number of methods (Holm 1979).
        smallest_p: The smallest p that this number of cases allows: above 0.05 no difference could be shown.
    """

    cases: int
    mean_difference: float
    low: float
    high: float
    p: float
    p_holm: float
    smallest_p: float

    @property
    def verdict(self) -> str:
        """The result in words."""
        if self.smallest_p > _LEVEL:
            return "too few cases to tell"
        if self.p_holm >= _LEVEL:
            return "no difference shown"
        return "better" if self.mean_difference > 0 else "worse"


def compare_with_baseline(
    scores: Mapping[str, Mapping[str, float]], baseline: str, seed: int = 0
) -> dict[str, PairedTest]:
    """Test every other method against the baseline.

    Args:
        scores: Score by case, by method; a higher score is better.
        baseline: Name of one of the methods.
        seed: Of the bootstrap.

    Returns:
        One test per other method, in their order.
    """
    others = [name for name in scores if name != baseline]
    tests = [paired_test(scores[name], scores[baseline], seed) for name in others]
    corrected = holm([test.p for test in tests])
    return {
        name: PairedTest(t.cases, t.mean_difference, t.low, t.high, t.p, p, t.smallest_p)
        for name, t, p in zip(others, tests, corrected, strict=True)
    }


def paired_test(method: Mapping[str, float], baseline: Mapping[str, float], seed: int = 0) -> PairedTest:
    """Compare two methods on the cases in which both have a score (Wilcoxon's signed-rank test, two-sided)."""
    cases = [c for c in method if c in baseline and not math.isnan(method[c]) and not math.isnan(baseline[c])]
    differences = np.array([method[case] - baseline[case] for case in cases])
    count = len(differences)
    if count == 0:
        return PairedTest(0, math.nan, math.nan, math.nan, 1.0, 1.0, 1.0)
    p = 1.0 if not differences.any() else float(wilcoxon(differences).pvalue)
    draws = np.random.default_rng(seed).integers(0, count, (_RESAMPLES, count))
    low, high = np.percentile(differences[draws].mean(1), [2.5, 97.5])
    return PairedTest(count, float(differences.mean()), float(low), float(high), p, p, min(1.0, 2.0 * 0.5**count))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected by Holm's step-down procedure; they keep the order of the given ones."""
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
