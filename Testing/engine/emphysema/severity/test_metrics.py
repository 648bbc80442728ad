"""Measures of ordered classification against values computed by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from mambamed.emphysema.severity.metrics import confusion_matrix
from mambamed.emphysema.severity.metrics import expected_calibration_error
from mambamed.emphysema.severity.metrics import measures
from mambamed.emphysema.severity.metrics import summary_over_folds
from mambamed.emphysema.severity.metrics import weighted_kappa
from sklearn import metrics as sklearn_metrics

RANDOM = np.random.default_rng(4)
TARGETS = RANDOM.integers(4, size=60)
PROBABILITIES = RANDOM.dirichlet((0.6,) * 4, size=60) + 0.8 * np.eye(4)[TARGETS]
PROBABILITIES /= PROBABILITIES.sum(axis=1, keepdims=True)
FOUND = PROBABILITIES.argmax(axis=1)


def test_they_agree_with_scikit_learn():
    found = measures(TARGETS, PROBABILITIES)
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        TARGETS, FOUND, average="macro", zero_division=0
    )
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(TARGETS, FOUND))
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((precision, recall, f1))
    assert found["mae"] == pytest.approx(np.abs(FOUND - TARGETS).mean())
    assert found["rmse"] == pytest.approx(np.sqrt(((FOUND - TARGETS) ** 2).mean()))
    for power, name in ((1, "linear"), (2, "quadratic")):
        kappa = sklearn_metrics.cohen_kappa_score(TARGETS, FOUND, weights=name)
        assert weighted_kappa(confusion_matrix(TARGETS, FOUND, 4), power) == pytest.approx(kappa)
    np.testing.assert_array_equal(found["confusion"], sklearn_metrics.confusion_matrix(TARGETS, FOUND))
    low, high = found["accuracy_interval"]
    assert low < found["accuracy"] < high


def test_calibration_error_is_zero_for_calibrated_answers_and_large_for_boasts():
    targets = np.array([0] * 8 + [1] * 2)
    calibrated = np.tile([0.8, 0.2], (10, 1))
    assert expected_calibration_error(targets, calibrated) == pytest.approx(0.0, abs=1e-9)
    assert expected_calibration_error(targets, np.tile([0.0, 1.0], (10, 1))) == pytest.approx(0.8)


def test_summary_has_mean_spread_and_interval():
    summary = summary_over_folds([{"accuracy": value, "cases": 3} for value in (0.7, 0.8, 0.9)])
    assert summary["accuracy"]["mean"] == pytest.approx(0.8)
    assert summary["accuracy"]["sd"] == pytest.approx(0.1)
    low, high = summary["accuracy"]["interval"]
    assert (low, high) == pytest.approx((0.8 - 4.303 * 0.1 / 3**0.5, 0.8 + 4.303 * 0.1 / 3**0.5))
    assert "cases" not in summary
