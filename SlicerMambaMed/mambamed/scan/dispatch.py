"""``selective_scan``: the one differentiable operator over all backends."""

from __future__ import annotations

import logging
from typing import Literal
from typing import overload

import torch

from mambamed.scan.inputs import prepare_inputs
from mambamed.scan.registry import choose_backend
from mambamed.scan.registry import load_scan

__all__ = ["last_backend", "selective_scan"]

_LOGGER = logging.getLogger(__name__)
_LAST_BACKEND: list[str] = []
_ANNOUNCED: set[tuple[str, str]] = set()


def last_backend() -> str | None:
    """Name of the backend that ran the latest scan in this process, or None before the first."""
    return _LAST_BACKEND[-1] if _LAST_BACKEND else None


@overload
def selective_scan(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None = ...,
    z: torch.Tensor | None = ...,
    delta_bias: torch.Tensor | None = ...,
    delta_softplus: bool = ...,
    return_last_state: Literal[False] = ...,
    backend: str = ...,
) -> torch.Tensor: ...


@overload
def selective_scan(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None = ...,
    z: torch.Tensor | None = ...,
    delta_bias: torch.Tensor | None = ...,
    delta_softplus: bool = ...,
    *,
    return_last_state: Literal[True],
    backend: str = ...,
) -> tuple[torch.Tensor, torch.Tensor]: ...


def selective_scan(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None = None,
    z: torch.Tensor | None = None,
    delta_bias: torch.Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    backend: str = "auto",
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Selective state-space scan (S6; U-Mamba section 2.1), differentiable in every tensor.

    With ``delta`` after bias and softplus, each channel keeps a state x of n numbers and for each token computes
    ``x = exp(delta * A) * x + delta * B * u`` and ``y = C . x + D * u``, then ``y * silu(z)`` if a gate is given.

    The computation runs in float32, or in float64 if any input is float64, also under autocast; the result has the
    dtype of ``u``. Inputs need not be contiguous.

    Args:
        u: input, (batch, channels, length).
        delta: step, (batch, channels, length).
        A: transition, real, (channels, state); negative for a state that decays.
        B: input weights: constant (channels, state), per token (batch, state, length) or grouped
            (batch, groups, state, length), where channel j reads group j // (channels / groups).
        C: output weights, shapes as for B (the two may differ).
        D: skip weight, (channels,).
        z: gate, (batch, channels, length).
        delta_bias: added to delta before softplus, (channels,).
        delta_softplus: pass delta through softplus.
        return_last_state: also return the state after the last token (batch, channels, state), in the dtype of the
            computation and without gradient.
        backend: ``auto`` (see ``MAMBAMED_SCAN_BACKEND`` and :func:`mambamed.scan.choose_backend`) or a name out of
            :func:`mambamed.scan.availability`.

    Returns:
        ``y`` (batch, channels, length), or ``(y, last_state)``.

    Raises:
        BadRequestError: shapes, dtypes or devices that do not fit; an unknown backend.
        DeviceUnavailableError: the backend that was asked for cannot be used here; the message says why.

    Example:
        >>> import torch
        >>> u, delta = torch.randn(1, 4, 10), torch.rand(1, 4, 10)
        >>> y = selective_scan(u, delta, -torch.rand(4, 16), torch.randn(1, 16, 10), torch.randn(1, 16, 10))
        >>> y.shape
        torch.Size([1, 4, 10])
    """
    device_type = u.device.type if isinstance(u, torch.Tensor) else "cpu"
    with torch.autocast(device_type, enabled=False):
        inputs = prepare_inputs(u, delta, A, B, C, D, z, delta_bias, delta_softplus)
        name = choose_backend(inputs.device, backend, inputs.dtype)
        _remember(name, inputs.device)
        y, last_state = load_scan(name)(inputs)
    y = y.to(u.dtype)
    return (y, last_state.detach()) if return_last_state else y


def _remember(name: str, device: torch.device) -> None:
    """Keep the choice for :func:`last_backend`; log each new pair of backend and device once."""
    _LAST_BACKEND[:] = [name]
    if (name, str(device)) not in _ANNOUNCED:
        _ANNOUNCED.add((name, str(device)))
        _LOGGER.info("selective scan on %s: backend %s", device, name)
