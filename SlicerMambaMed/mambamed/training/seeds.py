"""Random draws that depend on their place in the training alone, so that a resumed training draws what it would have.

Nothing has to be saved: the state of the loader and of the random generators is the number of the batch.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

__all__ = ["derived_seed", "random_state_kept", "seed_everything"]


def derived_seed(*numbers: int) -> int:
    """Return a 32-bit seed that differs for every sequence of non-negative numbers."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0])


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's global generators."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the global generators of the CPU after the block, whatever it draws."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
