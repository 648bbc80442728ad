"""Descriptors in 8 bits: a quarter of the memory (DISA, end of section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mambamed.registration.geometry import GridGeometry

__all__ = ["LARGEST_COMPONENT_ERROR", "QuantisedDescriptors", "quantise"]

_LEVELS = 127

LARGEST_COMPONENT_ERROR = 0.5 / _LEVELS
"""Largest error of one component (1/254): clipped descriptors have components between -1 and 1.

Of the similarity of two 16-vectors this makes at most 0.032 in the worst case; rounding errors being independent, about
0.0032 (standard deviation) for descriptors of length 1.
"""


@dataclass(frozen=True)
class QuantisedDescriptors:
    """Clipped descriptors as integers from -127 to 127.

    Attributes:
        values: (1, C, X, Y, Z), int8.
        geometry: grid of the descriptors.
    """

    values: Tensor
    geometry: GridGeometry

    def dequantise(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The descriptors again, each component within ``LARGEST_COMPONENT_ERROR``."""
        return self.values.to(dtype) / _LEVELS


def quantise(descriptors: Tensor, geometry: GridGeometry) -> QuantisedDescriptors:
    """Round clipped descriptors (1, C, X, Y, Z), components between -1 and 1, to 8 bits."""
    values = (descriptors.float() * _LEVELS).round().clamp(-_LEVELS, _LEVELS).to(torch.int8)
    return QuantisedDescriptors(values, geometry)
