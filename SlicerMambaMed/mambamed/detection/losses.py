"""Losses of a one-stage detector's classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mambamed.errors import BadRequestError

__all__ = ["focal_loss"]


def focal_loss(logits: Tensor, targets: Tensor, *, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Cross-entropy in which what is easy counts little (Lin et al., ICCV 2017, eq. 5), on sigmoids.

    Args:
        logits: of any shape.
        targets: of that shape, 1 where the class is present, else 0.
        gamma: how strongly easy ones are weighed down; 0 weighs all alike.
        alpha: weight of what is present; 1 - alpha is that of what is absent.

    Returns:
        Of that shape, float32 at least.
    """
    if logits.shape != targets.shape:
        raise BadRequestError(
            f"The logits {tuple(logits.shape)} and targets {tuple(targets.shape)} differ in shape; give one for each."
        )
    if logits.element_size() < 4:
        logits = logits.float()
    targets = targets.to(logits.dtype)
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    probability = torch.sigmoid(logits)
    missed = probability + targets - 2 * probability * targets  # 1 - p where present, p where absent
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return weight * missed.pow(gamma) * entropy
