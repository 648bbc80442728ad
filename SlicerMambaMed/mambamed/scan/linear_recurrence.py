"""``x_t = decay_t * x_(t-1) + drive_t`` for all tokens with few large tensor operations, on any device.

Tokens are cut into rows of a few; all rows advance together, then the rows' last states are linked (the same problem,
shorter, solved the same way), and each row receives the state of the row before it. Only products of decays occur,
never a quotient or the exponential of a sum, so decays that vanish cannot overflow.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

__all__ = ["linear_recurrence"]

_ROW_TOKENS = 16


def linear_recurrence(decay: torch.Tensor, drive: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    """All states of a linear recurrence, differentiable in the three inputs.

    Args:
        decay: (tokens, ...).
        drive: (tokens, ...), same shape.
        initial: state before the first token, (...).

    Returns:
        States after each token, (tokens, ...).
    """
    return _LinearRecurrence.apply(decay, drive, initial)


class _LinearRecurrence(torch.autograd.Function):
    """The gradient of a linear recurrence is a linear recurrence from the last token to the first."""

    @staticmethod
    def forward(context: Any, decay: torch.Tensor, drive: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
        states = _solve(decay, drive, initial)
        context.save_for_backward(decay, states, initial)
        return states

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        decay, states, initial = context.saved_tensors
        following = torch.cat((decay[1:], torch.zeros_like(decay[:1])))
        adjoint = _solve(following.flip(0), gradients[0].flip(0), torch.zeros_like(initial)).flip(0)
        before = torch.cat((initial.unsqueeze(0), states[:-1]))
        return adjoint * before, adjoint, adjoint[0] * decay[0]


def _solve(decay: torch.Tensor, drive: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    """States after each token; the inputs are left as they are."""
    tokens = decay.shape[0]
    if tokens <= _ROW_TOKENS:
        states = torch.empty_like(drive)
        state = initial
        for token in range(tokens):
            state = torch.addcmul(drive[token], decay[token], state, out=states[token])
        return states
    rows = -(-tokens // _ROW_TOKENS)
    reach, states = (_in_rows(tensor, rows) for tensor in (decay, drive))
    for token in range(1, _ROW_TOKENS):
        states[:, token].addcmul_(reach[:, token], states[:, token - 1])
        reach[:, token].mul_(reach[:, token - 1])
    ends = _solve(reach[:-1, -1], states[:-1, -1], initial)
    states[0].addcmul_(reach[0], initial)
    states[1:].addcmul_(reach[1:], ends.unsqueeze(1))
    return states.flatten(0, 1)[:tokens]


def _in_rows(tensor: torch.Tensor, rows: int) -> torch.Tensor:
    """Copy (tokens, ...) to (rows, tokens of a row, ...), zeros behind the last token."""
    copy = tensor.new_zeros(rows * _ROW_TOKENS, *tensor.shape[1:])
    copy[: tensor.shape[0]] = tensor
    return copy.unflatten(0, (rows, _ROW_TOKENS))
