"""Low attenuation clusters and the exponent of their size distribution.

Mishima et al., PNAS 96 (1999) 8829: the number of clusters of at least a given size falls with a power of the size,
and the exponent D becomes smaller as clusters merge. There clusters were counted in slices, here in the volume.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

__all__ = ["cluster_sizes", "power_law_exponent"]

_FEWEST_SIZES = 3


def cluster_sizes(low_attenuation: np.ndarray) -> np.ndarray:
    """Count the voxels of each cluster; voxels that share a face belong together.

    Args:
        low_attenuation: bool (z, y, x).

    Returns:
        Voxels per cluster, in no particular order; empty if there are none.
    """
    numbers, count = ndimage.label(low_attenuation)
    return np.bincount(numbers.ravel(), minlength=count + 1)[1:]


def power_law_exponent(sizes: np.ndarray) -> float | None:
    """Fit N(size) = K size^-D to the number N of clusters of at least a size.

    The line is fitted by least squares to log N over log size, once per size that occurs. The unit of the sizes does
    not matter.

    Args:
        sizes: Size per cluster.

    Returns:
        D, or None where fewer than three different sizes occur.
    """
    different, counts = np.unique(sizes, return_counts=True)
    if different.size < _FEWEST_SIZES:
        return None
    at_least = np.cumsum(counts[::-1])[::-1]
    slope = np.polyfit(np.log(different.astype(np.float64)), np.log(at_least.astype(np.float64)), 1)[0]
    return float(-slope)
