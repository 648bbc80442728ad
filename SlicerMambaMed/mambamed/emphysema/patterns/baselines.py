"""Two plain classifiers of patches, printed beside the network: LAA-950 thresholds, and histograms with neighbours."""

from __future__ import annotations

import numpy as np

__all__ = ["histogram_neighbours", "laa950_threshold"]

_EDGES_HU = np.arange(-1050.0, -399.0, 25.0)
_NEIGHBOURS = 7


def laa950_threshold(train_hu: np.ndarray, targets: np.ndarray, test_hu: np.ndarray) -> np.ndarray:
    """Classify by the share of pixels below -950 HU: the class whose training median is nearest.

    Args:
        train_hu: (N, y, x).
        targets: (N,) class indices.
        test_hu: (M, y, x).

    Returns:
        (M,) class indices.
    """
    classes = np.unique(targets)
    share = (train_hu < -950.0).mean(axis=(1, 2))
    medians = np.array([np.median(share[targets == value]) for value in classes])
    found = (test_hu < -950.0).mean(axis=(1, 2))
    return classes[np.abs(found[:, None] - medians[None]).argmin(axis=1)]


def histogram_neighbours(train_hu: np.ndarray, targets: np.ndarray, test_hu: np.ndarray) -> np.ndarray:
    """Classify by the majority of the seven nearest histograms (25 HU bins, L1 distance); arguments as above."""
    known, asked = _histograms(train_hu), _histograms(test_hu)
    result = np.empty(len(asked), dtype=targets.dtype)
    for index, histogram in enumerate(asked):
        distance = np.abs(known - histogram).sum(axis=1)
        nearest = np.argsort(distance, kind="stable")[:_NEIGHBOURS]
        weights = np.bincount(targets[nearest], weights=1.0 / (distance[nearest] + 1e-3), minlength=targets.max() + 1)
        result[index] = weights.argmax()
    return result


def _histograms(patches_hu: np.ndarray) -> np.ndarray:
    clipped = np.clip(patches_hu, _EDGES_HU[0], _EDGES_HU[-1] - 1.0)
    bins = ((clipped - _EDGES_HU[0]) // 25.0).astype(int)
    counts = [np.bincount(patch.ravel(), minlength=len(_EDGES_HU) - 1) for patch in bins]
    return np.stack(counts) / float(np.prod(patches_hu.shape[1:]))
