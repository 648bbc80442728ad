"""The chunk's recurrence: against a plain loop, and its gradient against finite differences."""

from __future__ import annotations

import pytest
import torch
from mambamed.scan.linear_recurrence import linear_recurrence


def plain_loop(decay: torch.Tensor, drive: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    states, state = [], initial
    for token in range(decay.shape[0]):
        state = decay[token] * state + drive[token]
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("tokens", [1, 2, 15, 16, 17, 31, 32, 33, 256, 257, 4097])
def test_agrees_with_a_plain_loop(tokens: int) -> None:
    generator = torch.Generator().manual_seed(tokens)
    decay = torch.rand(tokens, 2, 3, generator=generator, dtype=torch.float64)
    drive = torch.randn(tokens, 2, 3, generator=generator, dtype=torch.float64)
    initial = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    before = decay.clone()
    states = linear_recurrence(decay, drive, initial)
    torch.testing.assert_close(states, plain_loop(decay, drive, initial), rtol=1e-12, atol=1e-12)
    assert torch.equal(decay, before)


@pytest.mark.parametrize("tokens", [1, 16, 35])
def test_gradient(tokens: int) -> None:
    generator = torch.Generator().manual_seed(3)
    inputs = [
        torch.rand(*shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in ((tokens, 2), (tokens, 2), (2,))
    ]
    assert torch.autograd.gradcheck(linear_recurrence, inputs)


def test_vanishing_decays_do_not_overflow() -> None:
    decay = torch.full((500, 1), 1e-38)
    states = linear_recurrence(decay, torch.ones(500, 1), torch.full((1,), 3.0))
    assert torch.equal(states, torch.ones(500, 1))
