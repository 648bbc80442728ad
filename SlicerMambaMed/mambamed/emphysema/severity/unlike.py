"""How unlike the training data a scan is: Mahalanobis distance of what the network sees of it and of its lungs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mambamed.emphysema.severity.prepare import PreparedLungs

__all__ = ["DESCRIPTORS", "TrainingLikeness", "describe_lungs"]

DESCRIPTORS = (
    ("lung volume", "l"),
    ("mean lung density", "HU"),
    ("spread of lung density", "HU"),
    ("10th percentile of lung density", "HU"),
    ("median lung density", "HU"),
    ("90th percentile of lung density", "HU"),
    ("roughness of lung density", "HU"),
)
_SHRINKAGE = 0.1
_QUANTILE = 0.995


def describe_lungs(prepared: PreparedLungs, window_hu: tuple[float, float]) -> np.ndarray:
    """Return the ``DESCRIPTORS`` of what the network sees of the lungs (HU within its window)."""
    low, high = window_hu
    hu = low + (prepared.values.astype(np.float64) + 1.0) * 0.5 * (high - low)
    inside = hu[prepared.mask]
    steps = [
        np.abs(np.diff(hu, axis=axis))[
            np.take(prepared.mask, range(1, hu.shape[axis]), axis)
            & np.take(prepared.mask, range(hu.shape[axis] - 1), axis)
        ]
        for axis in range(3)
    ]
    rough = np.concatenate(steps)
    percentiles = np.percentile(inside, [10, 50, 90]) if inside.size else np.zeros(3)
    litres = inside.size * prepared.spacing_mm**3 / 1e6
    mean, spread = (inside.mean(), inside.std()) if inside.size else (0.0, 0.0)
    return np.array([litres, mean, spread, *percentiles, rough.mean() if rough.size else 0.0], dtype=np.float32)


@dataclass(frozen=True)
class TrainingLikeness:
    """Distribution of the training scans in feature space.

    Attributes:
        mean: (D,) of the descriptors and the network's pooled features.
        scale: (D,) standard deviations.
        precision: (D, D) inverse covariance of the scaled vectors, shrunk towards its diagonal.
        limit: Distance that 99.5 % of held-out training-like scans stay below.
    """

    mean: Tensor
    scale: Tensor
    precision: Tensor
    limit: float

    @classmethod
    def fit(cls, vectors: np.ndarray, held_out: np.ndarray) -> TrainingLikeness:
        """Learn from vectors (N, D) of training scans; the limit comes from other scans of that kind (M, D)."""
        mean, scale = vectors.mean(axis=0), vectors.std(axis=0) + 1e-4
        scaled = (vectors - mean) / scale
        covariance = np.atleast_2d(np.cov(scaled, rowvar=False))
        shrunk = (1.0 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance) + 1e-3)
        tensors = [torch.from_numpy(part.astype(np.float32)) for part in (mean, scale, np.linalg.inv(shrunk))]
        likeness = cls(tensors[0], tensors[1], tensors[2], 0.0)
        distances = [likeness.distance(vector) for vector in held_out]
        # A quarter above what was seen: few held-out scans do not show the tail.
        return cls(likeness.mean, likeness.scale, likeness.precision, 1.25 * float(np.quantile(distances, _QUANTILE)))

    def distance(self, vector: np.ndarray) -> float:
        """Return the Mahalanobis distance of a vector (D,) over the square root of D (about 1 for likely ones)."""
        scaled = (torch.from_numpy(np.asarray(vector, dtype=np.float32)) - self.mean) / self.scale
        return float(torch.sqrt(scaled @ self.precision @ scaled / len(scaled)))

    def reason(self, vector: np.ndarray) -> str:
        """Say which descriptor is farthest from the training scans."""
        count = len(DESCRIPTORS)
        deviation = (np.asarray(vector)[:count] - self.mean[:count].numpy()) / self.scale[:count].numpy()
        index = int(np.abs(deviation).argmax())
        if abs(float(deviation[index])) < 3.0:
            return (
                "What the network sees in the lungs is unlike its training scans, though no single measure stands out."
            )
        name, unit = DESCRIPTORS[index]
        return (
            f"The {name} as the network sees it is {float(vector[index]):.4g} {unit}; its training scans have "
            f"{float(self.mean[index]):.4g} ± {float(self.scale[index]):.2g} {unit}."
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return what is stored with the weights."""
        return {
            "unlike.mean": self.mean,
            "unlike.scale": self.scale,
            "unlike.precision": self.precision,
            "unlike.limit": torch.tensor([self.limit]),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> TrainingLikeness:
        """Read what ``tensors`` gave."""
        return cls(
            tensors["unlike.mean"].float(),
            tensors["unlike.scale"].float(),
            tensors["unlike.precision"].float(),
            float(tensors["unlike.limit"][0]),
        )
