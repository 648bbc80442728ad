"""Intensities as the registration networks read them: 0 to 1 between two percentiles of the image."""

from __future__ import annotations

from torch import Tensor

__all__ = ["intensity_range", "to_unit_range"]

LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5
_SMALLEST_RANGE = 1e-6


def intensity_range(
    image: Tensor, low_percentile: float = LOW_PERCENTILE, high_percentile: float = HIGH_PERCENTILE
) -> tuple[float, float]:
    """Return two percentiles of an image of any shape."""
    values = image.flatten()
    last = values.numel() - 1
    low, high = (
        float(values.kthvalue(1 + round(last * percentile / 100.0)).values)
        for percentile in (low_percentile, high_percentile)
    )
    return low, high


def to_unit_range(
    image: Tensor, low_percentile: float = LOW_PERCENTILE, high_percentile: float = HIGH_PERCENTILE
) -> Tensor:
    """Bring an image of any shape to 0..1: its percentiles become 0 and 1, what lies beyond is cut; constants are 0."""
    low, high = intensity_range(image, low_percentile, high_percentile)
    return ((image - low) / max(high - low, _SMALLEST_RANGE)).clamp(0.0, 1.0)
