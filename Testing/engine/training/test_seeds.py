from __future__ import annotations

import random

import numpy as np
import torch
from mambamed.training.seeds import derived_seed
from mambamed.training.seeds import random_state_kept
from mambamed.training.seeds import seed_everything


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def test_seeds_of_different_places_differ() -> None:
    seeds = {derived_seed(seed, stream, batch) for seed in range(4) for stream in range(3) for batch in range(50)}
    assert len(seeds) == 4 * 3 * 50
    assert derived_seed(0, 1) != derived_seed(1, 0)


def test_state_is_kept_whatever_is_drawn_in_between() -> None:
    seed_everything(5)
    expected = draws(), draws()
    seed_everything(5)
    first = draws()
    with random_state_kept():
        seed_everything(99)
        inside = draws()
    assert (first, draws()) == expected
    assert inside not in expected
