"""Golden set a (shared/golden/README.md section 2): cases, tolerances and a runner, for the tests of all backends."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from mambamed.scan import selective_scan
from safetensors.torch import load_file

CASES = tuple(f"case{number}" for number in range(7))
ARGUMENTS = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")

# (relative to the largest reference value, absolute): README section 1, "Recommended tolerances".
VALUE_TOLERANCE = {torch.float64: (2e-7, 1e-7), torch.float32: (1e-5, 0.0)}
GRADIENT_TOLERANCE = {torch.float64: (1e-6, 0.0), torch.float32: (5e-5, 0.0)}


def load_case(folder: Path, case: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Configuration and tensors of one case, by name without the case prefix."""
    config = json.loads((folder / "a_selective_scan.json").read_text(encoding="utf-8"))[case]
    tensors = load_file(folder / "a_selective_scan.safetensors")
    return config, {name.split(".", 1)[1]: value for name, value in tensors.items() if name.startswith(case + ".")}


def assert_close(actual: torch.Tensor, expected: torch.Tensor, tolerance: tuple[float, float], what: str) -> None:
    """Largest difference within relative * max|expected| + absolute."""
    assert actual.shape == expected.shape, f"{what}: shape {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    expected = expected.to(torch.float64)
    error = (actual.to(torch.float64) - expected).abs().max().item()
    limit = tolerance[0] * expected.abs().max().item() + tolerance[1]
    assert error <= limit, f"{what}: largest error {error:.3e}, allowed {limit:.3e}"


def check_golden_case(folder: Path, case: str, backend: str, dtype: torch.dtype, device: str = "cpu") -> None:
    """Values, last state and every gradient of one golden case through one backend."""
    config, tensors = load_case(folder, case)
    inputs = {name: tensors[name].to(device, dtype).requires_grad_() if name in tensors else None for name in ARGUMENTS}
    y, last_state = selective_scan(
        **inputs, delta_softplus=config["delta_softplus"], return_last_state=True, backend=backend
    )
    assert y.dtype == dtype
    assert not last_state.requires_grad
    assert_close(y.detach().cpu(), tensors["y"], VALUE_TOLERANCE[dtype], f"{case} y")
    assert_close(last_state.cpu(), tensors["last_state"], VALUE_TOLERANCE[dtype], f"{case} last_state")
    (y * tensors["loss_weight"].to(device, dtype)).sum().backward()
    for name, tensor in inputs.items():
        if tensor is not None:
            assert tensor.grad is not None, f"{case}: no gradient for {name}"
            assert_close(tensor.grad.cpu(), tensors["grad." + name], GRADIENT_TOLERANCE[dtype], f"{case} grad.{name}")
