"""The regions of DLMUSE label maps (values 1 to 207) joined to 30 structures, large enough to be scored at 2 mm."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["STRUCTURES", "grouped", "structure_dice"]

_LOBES: Mapping[str, tuple[int, ...]] = {
    "frontal cortex": (
        *(104, 112, 118, 120, 124, 136, 140, 142, 146, 150, 152),
        *(162, 164, 178, 182, 186, 190, 192, 204),
    ),
    "parietal cortex": (106, 148, 168, 174, 176, 194, 198),
    "temporal cortex": (116, 122, 132, 154, 170, 180, 184, 200, 202, 206),
    "occipital cortex": (108, 114, 128, 134, 144, 156, 160, 196),
    "cingulate cortex": (100, 138, 166),
    "insula": (102, 172),
}
"""Gyri of the right side; those of the left are one more."""

STRUCTURES: Mapping[str, tuple[int, ...]] = {
    "lateral ventricles": (49, 50, 51, 52),
    "third ventricle": (4,),
    "fourth ventricle": (11,),
    "hippocampus": (47, 48),
    "amygdala": (31, 32),
    "caudate": (36, 37),
    "putamen": (57, 58),
    "pallidum": (55, 56),
    "thalamus": (59, 60),
    "ventral diencephalon": (61, 62),
    "brain stem": (35,),
    "cerebellar cortex": (38, 39, 71, 72, 73),
    "cerebellar white matter": (40, 41),
    "corpus callosum": (95,),
    "frontal white matter": (81, 82),
    "occipital white matter": (83, 84),
    "parietal white matter": (85, 86),
    "temporal white matter": (87, 88),
    **{f"{name}, right": values for name, values in _LOBES.items()},
    **{f"{name}, left": tuple(value + 1 for value in values) for name, values in _LOBES.items()},
}
"""Structure -> values of its regions."""

_LARGEST = 255


def grouped(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Turn DLMUSE values into 1 to 30, in the order of ``STRUCTURES``; what belongs to none becomes 0."""
    table = np.zeros(_LARGEST + 1, np.uint8)
    for number, values in enumerate(STRUCTURES.values(), start=1):
        table[list(values)] = number
    return table[np.clip(labels, 0, _LARGEST)]


def structure_dice(fixed: NDArray[np.uint8], moved: NDArray[np.uint8]) -> dict[str, float]:
    """Dice of each structure that the fixed map has, both maps grouped and on one grid."""
    count = len(STRUCTURES) + 1
    joint = np.bincount(fixed.ravel().astype(np.int64) * count + moved.ravel(), minlength=count**2)
    joint = joint.reshape(count, count)
    return {
        name: float(2.0 * joint[number, number] / (joint[number].sum() + joint[:, number].sum()))
        for number, name in _numbered(STRUCTURES)
        if joint[number].any()
    }


def _numbered(names: Iterable[str]) -> Iterable[tuple[int, str]]:
    return enumerate(names, start=1)
