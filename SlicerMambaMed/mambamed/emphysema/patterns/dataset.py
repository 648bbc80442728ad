"""The labelled patches, and how they are divided for cross-validation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mambamed.emphysema.patterns.codes import PATCH_SIZE
from mambamed.emphysema.patterns.codes import PATTERN_CODES
from mambamed.errors import BadRequestError

__all__ = ["FOLDS", "SPLITS", "LabelledPatches", "folds", "read_patches"]

FOLDS = 5
SPLITS = ("random", "blocks")
"""``random``: stratified, shuffled, copies of one patch kept together. ``blocks``: each class is cut into five runs in
the file's order, in which neighbours are more alike than other pairs (probably from one scan). No patient ids exist."""


@dataclass(frozen=True)
class LabelledPatches:
    """Patches (N, 31, 31) in HU and the index (N,) of their class in ``PATTERN_CODES``."""

    patches_hu: np.ndarray
    targets: np.ndarray


def read_patches(path: Path) -> LabelledPatches:
    """Read an ``.npz`` with ``patches`` (N, 31, 31) in HU and ``labels`` (N,) codes; nothing in it is executed.

    Raises:
        BadRequestError: Missing, damaged, or other content.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            patches, labels = content["patches"], content["labels"]
    except (OSError, ValueError, KeyError) as error:
        raise BadRequestError(
            f"The patches {path} cannot be read ({error}); expected an .npz file with patches and labels."
        ) from error
    unknown = sorted(set(labels.tolist()) - set(PATTERN_CODES))
    if unknown or patches.ndim != 3 or patches.shape[1:] != (PATCH_SIZE, PATCH_SIZE) or len(patches) != len(labels):
        raise BadRequestError(
            f"The patches {path} have shape {patches.shape} and unknown labels {unknown}; expected (N, 31, 31) and "
            f"one of {', '.join(PATTERN_CODES)} for each."
        )
    targets = np.array([PATTERN_CODES.index(label) for label in labels.tolist()])
    if np.bincount(targets, minlength=len(PATTERN_CODES)).min() < FOLDS:
        raise BadRequestError(f"Expected at least {FOLDS} patches of each class in {path}.")
    return LabelledPatches(patches.astype(np.float32), targets)


def folds(data: LabelledPatches, split: str, seed: int = 0) -> np.ndarray:
    """Return the fold (N,) of each patch, 0 to 4; each class is spread evenly.

    Args:
        data: The patches.
        split: One of ``SPLITS``.
        seed: Of the shuffle.
    """
    if split not in SPLITS:
        raise BadRequestError(f"The split is {split!r}; expected one of: {', '.join(SPLITS)}.")
    random = np.random.default_rng(seed)
    fold = np.empty(len(data.targets), dtype=int)
    for target in np.unique(data.targets):
        members = np.flatnonzero(data.targets == target)
        if split == "random":
            members = random.permutation(members)
        fold[members] = np.arange(len(members)) * FOLDS // len(members)
    if split == "random":
        first: dict[bytes, int] = {}
        for index, patch in enumerate(data.patches_hu):
            fold[index] = fold[first.setdefault(patch.tobytes(), index)]
    return fold
