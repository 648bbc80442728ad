"""The focal loss against its formula."""

from __future__ import annotations

import math

import pytest
import torch
from mambamed.detection.losses import focal_loss
from mambamed.errors import BadRequestError


def test_formula() -> None:
    logits = torch.tensor([-2.0, 0.5, 3.0])
    for target in (0.0, 1.0):
        loss = focal_loss(logits, torch.full((3,), target))
        for logit, value in zip(logits.tolist(), loss.tolist(), strict=True):
            right = 1 / (1 + math.exp(-logit if target else logit))  # probability of what is so
            expected = (0.25 if target else 0.75) * (1 - right) ** 2 * -math.log(right)
            assert value == pytest.approx(expected, rel=1e-5)


def test_without_focus_it_is_half_the_cross_entropy() -> None:
    logits, targets = torch.randn(4, 5, dtype=torch.float64), torch.randint(0, 2, (4, 5)).double()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    assert torch.allclose(focal_loss(logits, targets, gamma=0, alpha=0.5), 0.5 * entropy)


def test_half_precision_and_large_logits_stay_finite() -> None:
    logits = torch.tensor([60.0, -60.0], dtype=torch.float16)
    loss = focal_loss(logits, torch.tensor([0.0, 1.0]))
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss).all()
    assert float(loss[0]) == pytest.approx(0.75 * 60, rel=1e-3)


def test_refuses_other_shapes() -> None:
    with pytest.raises(BadRequestError, match="shape"):
        focal_loss(torch.zeros(2), torch.zeros(3))
