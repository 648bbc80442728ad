"""What the mamba_ssm backend hands to the package, seen by a double that accepts only what the real kernel accepts."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from engine.scan.random_inputs import random_inputs
from mambamed.scan import reference
from mambamed.scan import selective_scan
from mambamed.scan.inputs import ScanInputs
from mambamed.scan.inputs import prepare_inputs


class KernelDouble:
    """Checks the contract of ``selective_scan_fn`` on CUDA, then computes with the plain loop."""

    def __init__(self) -> None:
        self.calls = 0

    def selective_scan_fn(
        self, u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, return_last_state=False
    ):
        self.calls += 1
        given = [tensor for tensor in (u, delta, A, B, C, D, z, delta_bias) if tensor is not None]
        assert all(tensor.dtype == torch.float32 for tensor in given)
        assert all(tensor.is_contiguous() for tensor in given)
        groups = [weights.shape[1] if weights.dim() == 4 else 1 for weights in (B, C)]
        assert B.dim() in (2, 4)
        assert C.dim() in (2, 4)
        assert groups[0] == groups[1]
        y, last_state = reference.scan(ScanInputs(u, delta, A, B, C, D, z, delta_bias, delta_softplus))
        return (y, last_state) if return_last_state else y


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> KernelDouble:
    double = KernelDouble()
    names = ("mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.selective_scan_interface")
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules[names[-1]].selective_scan_fn = double.selective_scan_fn
    return double


@pytest.mark.parametrize(
    ("b_kind", "c_kind", "calls"),
    [
        ("token", "token", 1),
        ("constant", "constant", 1),
        ("constant", "token", 1),
        ("group3", "group3", 1),
        ("group3", "constant", 3),
        ("group2", "group3", 6),
        ("token", "group2", 2),
    ],
)
def test_kernel_gets_only_what_it_accepts(kernel: KernelDouble, b_kind: str, c_kind: str, calls: int) -> None:
    from mambamed.scan import mamba_ssm_scan

    inputs = random_inputs(batch=2, channels=6, length=7, state=3, b_kind=b_kind, c_kind=c_kind, dtype=torch.float16)
    inputs["u"] = inputs["u"].transpose(1, 2).contiguous().transpose(1, 2)
    prepared = prepare_inputs(**inputs, delta_softplus=True)
    y, last_state = mamba_ssm_scan.scan(prepared)
    expected, expected_state = reference.scan(prepared)
    assert kernel.calls == calls
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(last_state, expected_state)


def test_gradients_reach_every_input(kernel: KernelDouble) -> None:
    from mambamed.scan import mamba_ssm_scan

    inputs = random_inputs(batch=1, channels=4, length=5, state=2, b_kind="group2", c_kind="constant")
    for tensor in inputs.values():
        tensor.requires_grad_()
    y, _ = mamba_ssm_scan.scan(prepare_inputs(**inputs, delta_softplus=True))
    gradients = torch.autograd.grad(y.square().sum(), list(inputs.values()))
    expected = torch.autograd.grad(
        selective_scan(**inputs, delta_softplus=True, backend="reference").square().sum(), list(inputs.values())
    )
    for actual, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(actual, wanted)
