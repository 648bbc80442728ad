from __future__ import annotations

import numpy as np
import pytest
import torch
from mambamed.segmentation.one_piece import keep_one_piece

SPACING_MM = (3.0, 1.0, 2.0)
"""z, y, x."""


def _logits(mask: np.ndarray, classes: int = 3) -> torch.Tensor:
    """Class 1 inside the mask except every fifth voxel, which is class 2; background outside."""
    logits = torch.full((classes, *mask.shape), -4.0)
    logits[0][torch.from_numpy(~mask)] = 5.0
    logits[1][torch.from_numpy(mask)] = 5.0
    logits[2].flatten()[::5][torch.from_numpy(mask.flatten()[::5])] = 6.0
    return logits


def _ball(center_mm: tuple[float, float, float], radius_mm: float, shape: tuple[int, int, int]) -> np.ndarray:
    grid = np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, SPACING_MM, strict=True)), indexing="ij")
    return sum((axis - c) ** 2 for axis, c in zip(grid, center_mm, strict=True)) <= radius_mm**2


SHAPE = (14, 60, 45)
LARGE = _ball((20.0, 18.0, 40.0), 14.0, SHAPE)
SMALL = _ball((20.0, 48.0, 40.0), 9.0, SHAPE)
BRIDGE = np.zeros(SHAPE, bool)
BRIDGE[6:8, 18:48, 19:21] = True


def test_a_second_piece_on_a_thin_bridge_becomes_background() -> None:
    logits = _logits(LARGE | SMALL | BRIDGE)
    removed_ml = keep_one_piece(logits, SPACING_MM, 5.0)
    found = (logits.argmax(0) > 0).numpy()
    assert not (found & SMALL & ~BRIDGE).any()
    assert found[LARGE].mean() > 0.99
    gone = (LARGE | SMALL | BRIDGE) & ~found
    assert removed_ml == pytest.approx(gone.sum() * 6.0 / 1000.0)
    assert torch.softmax(logits, 0)[0][torch.from_numpy(gone)].min() > 0.999


def test_without_an_opening_the_bridge_connects() -> None:
    logits = _logits(LARGE | SMALL | BRIDGE)
    before = logits.clone()
    assert keep_one_piece(logits, SPACING_MM, 0.0) == 0.0
    assert torch.equal(logits, before)


@pytest.mark.parametrize("mask", [np.zeros(SHAPE, bool), LARGE, np.ones(SHAPE, bool)], ids=["none", "one", "full"])
def test_nothing_changes_where_there_is_one_piece_or_none(mask: np.ndarray) -> None:
    logits = _logits(mask)
    before = logits.clone()
    assert keep_one_piece(logits, SPACING_MM, 4.0) == 0.0
    assert torch.equal(logits, before)


def test_a_piece_cut_by_the_border_is_not_eroded_there() -> None:
    slab = np.zeros(SHAPE, bool)
    slab[:2] = True  # 6 mm thick, open to the border: would vanish if the border eroded by 5 mm
    logits = _logits(slab)
    before = logits.clone()
    assert keep_one_piece(logits, SPACING_MM, 2.5) == 0.0
    assert torch.equal(logits, before)
