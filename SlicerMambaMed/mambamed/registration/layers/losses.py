"""Losses of one-pass registration (VMambaMorph, section 2.2; VoxelMorph).

Written here because the numbers must be those of the public training code: MONAI's Dice and correlation losses smooth
and clamp differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.registration.similarity.ncc import local_squared_ncc

__all__ = ["DICE_IGNORED_LABELS", "dice_loss", "dice_of_labels", "ncc_loss", "one_hot_labels", "smoothness_loss"]

DICE_IGNORED_LABELS = (0, 5, 24)
"""Labels that the authors leave out of the Dice loss (their numbering of brain structures)."""

_EPSILON = 1e-5


def one_hot_labels(labels: Tensor, count: int) -> Tensor:
    """Turn label maps (B, X, Y, Z) with values 0 to count - 1 into (B, count, X, Y, Z), float32."""
    return torch.nn.functional.one_hot(labels.long(), count).movedim(-1, 1).float()


def dice_of_labels(target: Tensor, prediction: Tensor) -> Tensor:
    """Soft Dice of each label, (B, L, X, Y, Z) twice -> (B, L); a label absent from both has 0."""
    overlap = 2.0 * (target * prediction).flatten(2).sum(dim=2)
    total = (target + prediction).flatten(2).sum(dim=2)
    return overlap / total.clamp_min(_EPSILON)


def dice_loss(target: Tensor, prediction: Tensor, ignored_labels: Sequence[int] = ()) -> Tensor:
    """Minus the mean Dice over cases and labels.

    Args:
        target: (B, L, X, Y, Z), one channel per label.
        prediction: (B, L, X, Y, Z), warped one channel per label (linear interpolation keeps gradients).
        ignored_labels: channels left out; numbers beyond the last channel are ignored.

    Returns:
        A scalar from -1 (perfect) to 0.
    """
    kept = [label for label in range(target.shape[1]) if label not in ignored_labels]
    if not kept:
        raise BadRequestError(f"All {target.shape[1]} labels are ignored by the Dice loss; keep at least one.")
    return -dice_of_labels(target[:, kept], prediction[:, kept]).mean()


def smoothness_loss(field: Tensor, penalty: Literal["l1", "l2"] = "l2", multiplier: float = 1.0) -> Tensor:
    """Mean over axes of the mean absolute (l1) or squared (l2) forward difference of a field (B, 3, X, Y, Z).

    The public code multiplies by 2 (its ``int_downsize``), so that its weight of 0.1 acts as 0.2.
    """
    per_axis = []
    for axis in (2, 3, 4):
        difference = field.diff(dim=axis)
        per_axis.append((difference.abs() if penalty == "l1" else difference**2).mean())
    return multiplier * torch.stack(per_axis).mean()


def ncc_loss(fixed: Tensor, moved: Tensor, window: int = 9) -> Tensor:
    """Minus the mean squared local correlation of two volumes (B, 1, X, Y, Z), from -1 to 0."""
    return -local_squared_ncc(fixed, moved, window).mean()
