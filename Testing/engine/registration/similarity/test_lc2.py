"""LC2 against golden set e, against an independent least-squares fit, and its properties."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.registration.similarity import lc2
from mambamed.registration.similarity import lc2_all_pairs
from mambamed.registration.similarity import lc2_map
from safetensors.torch import load_file

TOLERANCE = {torch.float64: 2e-6, torch.float32: 5e-5}


@pytest.mark.shared_data
@pytest.mark.parametrize("size", [21, 33])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_golden(shared_folder: Path, size: int, dtype: torch.dtype) -> None:
    golden = load_file(shared_folder / f"golden/e_lc2_{size}.safetensors")
    facts = json.loads((shared_folder / f"golden/e_lc2_{size}.json").read_text(encoding="utf-8"))
    us, mr = golden["us"].to(dtype), golden["mr"].to(dtype)
    for radius in facts["radii"]:
        expected = torch.tensor(facts["values_f64"][f"r{radius}"], dtype=dtype)
        assert (lc2(us, mr, (radius,)) - expected).abs().max() <= TOLERANCE[dtype]
    mean = torch.tensor(facts["mean_f64"], dtype=dtype)
    assert (lc2(us, mr) - mean).abs().max() <= TOLERANCE[dtype]
    assert (lc2_all_pairs(us, mr).diagonal() - mean).abs().max() <= TOLERANCE[dtype]


def _by_least_squares(us: np.ndarray, mr: np.ndarray, radius: int, alpha: float = 1e-3, beta: float = 1e-2) -> float:
    centre = us.shape[0] // 2
    cube = (slice(centre - radius, centre + radius + 1),) * 3
    gradient = np.sqrt(sum((2.0 * component) ** 2 for component in np.gradient(mr)))
    columns = np.stack([mr[cube].ravel(), gradient[cube].ravel(), np.ones(mr[cube].size)], axis=1)
    target = us[cube].ravel()
    matrix = columns.T @ columns / target.size + alpha * np.eye(3)
    right = columns.T @ target / target.size
    explained = right @ np.linalg.solve(matrix, right) - target.mean() ** 2
    return float(np.clip(explained / max(target.var(), beta), 0, 1))


def test_all_pairs_equal_single_pairs_and_least_squares() -> None:
    generator = torch.Generator().manual_seed(3)
    us = torch.randn(3, 1, 11, 11, 11, generator=generator, dtype=torch.float64) + 5.0
    mr = torch.randn(4, 1, 11, 11, 11, generator=generator, dtype=torch.float64).cumsum(2) * 0.3 - 2.0
    table = lc2_all_pairs(us, mr, (2, 4))
    assert table.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            expected = np.mean([_by_least_squares(us[i, 0].numpy(), mr[j, 0].numpy(), radius) for radius in (2, 4)])
            assert table[i, j].item() == pytest.approx(expected, abs=1e-9)
            assert lc2(us[i : i + 1], mr[j : j + 1], (2, 4)).item() == pytest.approx(expected, abs=1e-9)


def test_single_precision_survives_a_large_offset() -> None:
    generator = torch.Generator().manual_seed(4)
    mr = torch.randn(2, 1, 13, 13, 13, generator=generator, dtype=torch.float64) + 1000.0
    us = 0.5 * mr + torch.randn(2, 1, 13, 13, 13, generator=generator, dtype=torch.float64)
    exact = lc2(us, mr, (3, 5))
    assert (lc2(us.float(), mr.float(), (3, 5)) - exact).abs().max() < 5e-3


def test_map_equals_patches_in_the_interior() -> None:
    generator = torch.Generator().manual_seed(5)
    us = torch.randn(1, 1, 11, 13, 12, generator=generator, dtype=torch.float64)
    mr = torch.randn(1, 1, 11, 13, 12, generator=generator, dtype=torch.float64) + 3.0 * us
    values = lc2_map(us, mr, 2)
    assert values.shape == us.shape
    for centre in [(3, 3, 3), (5, 9, 4), (7, 6, 8)]:
        index = (slice(None), slice(None), *(slice(c - 3, c + 4) for c in centre))
        assert values[(0, 0, *centre)].item() == pytest.approx(lc2(us[index], mr[index], (2,)).item(), abs=1e-10)


def test_gradients_are_right_and_finite_on_constant_patches() -> None:
    generator = torch.Generator().manual_seed(6)
    us = torch.randn(1, 1, 7, 7, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    mr = (us.detach() + torch.randn(1, 1, 7, 7, 7, generator=generator, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: lc2(a, b, (2,)), (us, mr), atol=1e-6)
    flat = torch.zeros(1, 1, 7, 7, 7, requires_grad=True)
    lc2(torch.randn(1, 1, 7, 7, 7, generator=generator), flat, (2,)).sum().backward()
    assert torch.isfinite(flat.grad).all()


@pytest.mark.parametrize(
    ("shape", "other", "radius"),
    [
        ((1, 1, 9, 9, 9), (1, 1, 9, 9, 9), 4),
        ((1, 1, 10, 10, 10), (1, 1, 10, 10, 10), 3),
        ((1, 2, 9, 9, 9), (1, 2, 9, 9, 9), 3),
        ((2, 1, 9, 9, 9), (1, 1, 9, 9, 9), 3),
    ],
)
def test_wrong_patches_are_refused(shape: tuple[int, ...], other: tuple[int, ...], radius: int) -> None:
    with pytest.raises(BadRequestError, match="LC2"):
        lc2(torch.zeros(shape), torch.zeros(other), (radius,))
