"""The operator through every backend that can run on this CPU, judged by the plain loop in float64."""

from __future__ import annotations

import itertools

import pytest
import torch
from engine.scan.random_inputs import random_inputs
from mambamed.errors import BadRequestError
from mambamed.scan import availability
from mambamed.scan import last_backend
from mambamed.scan import selective_scan
from mambamed.scan import torch_scan

BACKENDS = [name for name, problem in availability("cpu").items() if problem is None and name != "triton"]
KINDS = ("constant", "token", "group2", "group3")
SIZES = itertools.cycle([(1, 1), (3, 77), (16, 129), (20, 64), (70, 131)])


def in_float64(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().to(torch.float64) for name, tensor in inputs.items()}


def assert_close(actual: torch.Tensor, expected: torch.Tensor, relative: float) -> None:
    error = (actual.double() - expected.double()).abs().max().item()
    assert error <= relative * expected.abs().max().item() + 1e-30, f"largest error {error:.3e}"


def test_every_cpu_backend_is_tested() -> None:
    assert {"torch", "reference"} <= set(BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("b_kind", "c_kind", "state", "length"),
    [
        (b_kind, c_kind, state, length)
        for (b_kind, c_kind), (state, length) in zip(itertools.product(KINDS, KINDS), SIZES, strict=False)
    ],
)
@pytest.mark.parametrize("softplus", [True, False])
def test_values_and_gradients_agree_with_float64_reference(
    backend: str, b_kind: str, c_kind: str, state: int, length: int, softplus: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_scan, "chunk_tokens", lambda inputs: 50)
    inputs = random_inputs(2, 6, length, state, b_kind, c_kind, optional=softplus)
    if not softplus:
        inputs["delta"] = inputs["delta"].abs()
    truth = {name: tensor.requires_grad_() for name, tensor in in_float64(inputs).items()}
    inputs = {name: tensor.requires_grad_() for name, tensor in inputs.items()}
    expected, expected_state = selective_scan(
        **truth, delta_softplus=softplus, return_last_state=True, backend="reference"
    )
    y, last_state = selective_scan(**inputs, delta_softplus=softplus, return_last_state=True, backend=backend)
    assert last_backend() == backend
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(5))
    (expected * weight).sum().backward()
    (y * weight).sum().backward()
    assert_close(y, expected, 1e-5)
    assert_close(last_state, expected_state, 1e-5)
    for name, tensor in inputs.items():
        assert_close(tensor.grad, truth[name].grad, 5e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(backend: str, dtype: torch.dtype) -> None:
    inputs = random_inputs(1, 4, 40, 8, dtype=dtype)
    exact = selective_scan(**in_float64(inputs), delta_softplus=True, backend="reference")
    inputs["u"].requires_grad_()
    y, last_state = selective_scan(**inputs, delta_softplus=True, return_last_state=True, backend=backend)
    y.sum().backward()
    assert y.dtype == dtype
    assert last_state.dtype == torch.float32
    assert inputs["u"].grad.dtype == dtype
    # One rounding of the result and nothing more: a computation in half precision would be far off after 40 tokens.
    assert_close(y, exact.to(dtype), torch.finfo(dtype).eps)


@pytest.mark.parametrize("backend", BACKENDS)
def test_autocast_changes_nothing(backend: str) -> None:
    inputs = random_inputs(1, 4, 40, 8)
    plain = selective_scan(**inputs, delta_softplus=True, backend=backend)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inputs["u"].requires_grad_()
        y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    y.sum().backward()
    assert y.dtype == torch.float32
    assert torch.equal(y, plain)
    assert inputs["u"].grad.dtype == torch.float32


@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_need_not_be_contiguous(backend: str) -> None:
    inputs = random_inputs(2, 6, 70, 5, "group2", "token")
    expected = selective_scan(**inputs, delta_softplus=True, backend=backend)
    strided = {}
    for name, tensor in inputs.items():
        turned = tensor.transpose(0, -1).contiguous().transpose(0, -1)
        every_second = torch.full((2 * tensor.shape[-1],), float("nan"))[::2]
        strided[name] = (every_second.copy_(tensor) if tensor.dim() == 1 else turned).requires_grad_()
        assert not strided[name].is_contiguous()
    y = selective_scan(**strided, delta_softplus=True, backend=backend)
    assert_close(y.detach(), expected, 1e-6)
    y.sum().backward()
    for name, tensor in strided.items():
        assert tensor.grad.shape == inputs[name].shape
        assert torch.isfinite(tensor.grad).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradient(backend: str, mode: type) -> None:
    inputs = random_inputs(1, 4, 33, 8)
    expected = selective_scan(**inputs, delta_softplus=True, backend=backend)
    inputs["A"].requires_grad_()
    with mode():
        y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    assert not y.requires_grad
    assert torch.equal(y, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_huge_steps_forget_and_stay_finite(backend: str) -> None:
    inputs = random_inputs(1, 4, 200, 8)
    inputs["delta"] = inputs["delta"] * 1e4
    inputs = {name: tensor.requires_grad_() for name, tensor in inputs.items()}
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    expected = selective_scan(**in_float64(inputs), delta_softplus=True, backend="reference")
    assert_close(y.detach(), expected, 1e-5)
    y.sum().backward()
    assert all(torch.isfinite(tensor.grad).all() for tensor in inputs.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_not_a_number_is_not_hidden(backend: str) -> None:
    for name in ("u", "delta", "A", "B", "C", "D", "z", "delta_bias"):
        inputs = random_inputs(1, 2, 40, 3)
        inputs[name].view(-1)[-1] = float("nan")
        assert selective_scan(**inputs, delta_softplus=True, backend=backend).isnan().any(), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_scan_in_two_pieces_agrees_with_one_piece(backend: str) -> None:
    inputs = random_inputs(1, 3, 90, 4, optional=False)
    inputs["delta"] = inputs["delta"].abs() * 0.1
    y, last_state = selective_scan(**inputs, return_last_state=True, backend=backend)
    _, head_state = selective_scan(
        **{name: tensor[..., :50] if tensor.dim() == 3 else tensor for name, tensor in inputs.items()},
        return_last_state=True,
        backend=backend,
    )
    tail = {name: tensor[..., 50:] if tensor.dim() == 3 else tensor for name, tensor in inputs.items()}
    y_tail, tail_state = selective_scan(**tail, return_last_state=True, backend=backend)
    total_step = tail["delta"].cumsum(-1)
    kept = torch.exp(total_step.unsqueeze(2) * inputs["A"][None, :, :, None]) * head_state.unsqueeze(-1)
    assert_close(y_tail + (kept * tail["C"].unsqueeze(1)).sum(2), y[..., 50:], 1e-5)
    assert_close(tail_state + kept[..., -1], last_state, 1e-5)


@pytest.mark.parametrize(
    ("name", "shape", "part"),
    [
        ("u", (2, 4), "u has shape"),
        ("u", (2, 4, 0), "non-empty"),
        ("delta", (2, 4, 9), "delta has shape"),
        ("z", (1, 4, 10), "z has shape"),
        ("A", (5, 3), "A has shape"),
        ("B", (2, 3, 9), "B has shape"),
        ("C", (2, 3, 3, 10), "C has shape"),
        ("D", (4, 1), "D has shape"),
        ("delta_bias", (3,), "delta_bias has shape"),
    ],
)
def test_wrong_shape_is_named(name: str, shape: tuple[int, ...], part: str) -> None:
    inputs = random_inputs(2, 4, 10, 3)
    inputs[name] = torch.zeros(shape)
    with pytest.raises(BadRequestError, match=part):
        selective_scan(**inputs)


@pytest.mark.parametrize(
    ("value", "part"),
    [(None, "A is None"), (3.0, "A is float"), (torch.zeros(4, 3, dtype=torch.int32), "dtype torch.int32")],
)
def test_wrong_kind_is_named(value: object, part: str) -> None:
    inputs = random_inputs(2, 4, 10, 3) | {"A": value}
    with pytest.raises(BadRequestError, match=part):
        selective_scan(**inputs)


def test_complex_and_other_devices_are_refused() -> None:
    inputs = random_inputs(2, 4, 10, 3)
    with pytest.raises(BadRequestError, match="complex64"):
        selective_scan(**inputs | {"A": torch.zeros(4, 3, dtype=torch.complex64)})
    with pytest.raises(BadRequestError, match="is on meta but u is on cpu"):
        selective_scan(**inputs | {"B": inputs["B"].to("meta")})
