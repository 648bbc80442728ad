"""Measures of ordered classification: one function per measure, all from targets and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["confusion_matrix", "expected_calibration_error", "measures", "summary_over_folds", "weighted_kappa"]

_BINS = 10
_RESAMPLES = 2000
_T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Student's t for a two-sided 95 % interval, by number of folds."""


def confusion_matrix(targets: np.ndarray, found: np.ndarray, classes: int) -> np.ndarray:
    """Return counts (classes, classes): row is the truth, column what was found."""
    matrix = np.zeros((classes, classes), dtype=int)
    np.add.at(matrix, (targets, found), 1)
    return matrix


def weighted_kappa(confusion: np.ndarray, power: int = 2) -> float:
    """Return Cohen's kappa with weights |i - j|^power (2 quadratic, 1 linear); 1 if all lie in one class and agree."""
    classes = len(confusion)
    index = np.arange(classes)
    weights = np.abs(index[:, None] - index[None]).astype(float) ** power
    total = confusion.sum()
    expected = confusion.sum(axis=1)[:, None] * confusion.sum(axis=0)[None] / total
    disagreement = float((weights * expected).sum())
    return 1.0 - float((weights * confusion).sum()) / disagreement if disagreement else 1.0


def expected_calibration_error(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean gap between confidence and accuracy over ten equal bins of confidence (Guo et al., 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(confidence[bins == index].mean() - right[bins == index].mean()) * np.mean(bins == index)
        for index in np.unique(bins)
    ]
    return float(np.sum(gaps))


def measures(targets: np.ndarray, probabilities: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """Return all measures of predictions.

    Args:
        targets: Class indices (N,).
        probabilities: (N, C).
        seed: Of the bootstrap.

    Returns:
        Values by name. Precision, recall and F1 are means over the classes that occur; MAE and RMSE are in class steps
        (``expected_`` ones of the mean class under the probabilities); intervals are 95 %, from 2000 resamples.
    """
    found = probabilities.argmax(axis=1)
    classes = probabilities.shape[1]
    confusion = confusion_matrix(targets, found, classes)
    right, true, claimed = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    occurs = true > 0
    precision = np.where(claimed > 0, right / np.maximum(claimed, 1), 0.0)
    recall = right / np.maximum(true, 1)
    f1 = 2.0 * precision * recall / np.maximum(precision + recall, 1e-12)
    error = (found - targets).astype(float)
    expected_error = probabilities @ np.arange(classes) - targets
    draws = np.random.default_rng(seed).integers(len(targets), size=(_RESAMPLES, len(targets)))
    accuracies = (error[draws] == 0).mean(axis=1)
    return {
        "cases": len(targets),
        "accuracy": float(np.mean(error == 0)),
        "accuracy_interval": [float(value) for value in np.percentile(accuracies, [2.5, 97.5])],
        "precision": float(precision[occurs].mean()),
        "recall": float(recall[occurs].mean()),
        "f1": float(f1[occurs].mean()),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "expected_mae": float(np.abs(expected_error).mean()),
        "expected_rmse": float(np.sqrt(np.mean(expected_error**2))),
        "within_one_class": float(np.mean(np.abs(error) <= 1)),
        "quadratic_kappa": weighted_kappa(confusion, 2),
        "linear_kappa": weighted_kappa(confusion, 1),
        "calibration_error": expected_calibration_error(targets, probabilities),
        "confusion": confusion.tolist(),
    }


def summary_over_folds(folds: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return mean, SD and 95 % interval of the mean (Student's t) over folds, of every measure that is one number."""
    summary = {}
    for name, first in folds[0].items():
        if isinstance(first, float):
            values = np.array([fold[name] for fold in folds])
            spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
            half = _T_95.get(len(values), 1.96) * spread / np.sqrt(len(values)) if len(values) > 1 else 0.0
            mean = float(values.mean())
            summary[name] = {"mean": mean, "sd": spread, "interval": [mean - float(half), mean + float(half)]}
    return summary
