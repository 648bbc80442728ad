"""The tensors of one selective scan, checked and brought to one form that every backend reads."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mambamed.errors import BadRequestError

__all__ = ["ScanInputs", "prepare_inputs"]


@dataclass(frozen=True)
class ScanInputs:
    """Checked inputs in the dtype of the computation (float32 or float64), all on one device.

    Shapes: ``u``, ``delta``, ``z`` (batch, channels, length); ``A`` (channels, state); ``B`` and ``C`` either constant
    (channels, state) or grouped (batch, groups, state, length), where channel j reads group
    j // (channels / groups); ``D``, ``delta_bias`` (channels).
    """

    u: torch.Tensor
    delta: torch.Tensor
    A: torch.Tensor
    B: torch.Tensor
    C: torch.Tensor
    D: torch.Tensor | None
    z: torch.Tensor | None
    delta_bias: torch.Tensor | None
    delta_softplus: bool

    @property
    def batch(self) -> int:
        """Number of sequences."""
        return self.u.shape[0]

    @property
    def channels(self) -> int:
        """Number of channels, each with its own state."""
        return self.u.shape[1]

    @property
    def length(self) -> int:
        """Number of tokens."""
        return self.u.shape[2]

    @property
    def state(self) -> int:
        """Numbers in the state of one channel."""
        return self.A.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the computation."""
        return self.u.dtype

    @property
    def device(self) -> torch.device:
        """Device of all tensors."""
        return self.u.device

    def tensors(self) -> tuple[torch.Tensor | None, ...]:
        """All tensors in the order of the operator's arguments."""
        return (self.u, self.delta, self.A, self.B, self.C, self.D, self.z, self.delta_bias)


def prepare_inputs(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None,
    z: torch.Tensor | None,
    delta_bias: torch.Tensor | None,
    delta_softplus: bool,
) -> ScanInputs:
    """Check shapes, dtypes and devices; cast to the dtype of the computation.

    The computation runs in float64 if any input is float64, else in float32 (float16 and bfloat16 are cast up; the
    casts are differentiable). Call it with autocast disabled.

    Raises:
        BadRequestError: a tensor is missing, complex, integer, empty, on another device or of a wrong shape.
    """
    named = {"u": u, "delta": delta, "A": A, "B": B, "C": C, "D": D, "z": z, "delta_bias": delta_bias}
    given = {name: tensor for name, tensor in named.items() if tensor is not None}
    for name in ("u", "delta", "A", "B", "C"):
        if name not in given:
            raise BadRequestError(f"selective_scan: {name} is None; give a tensor.")
    for name, tensor in given.items():
        if not isinstance(tensor, torch.Tensor):
            raise BadRequestError(f"selective_scan: {name} is {type(tensor).__name__}; give a torch.Tensor.")
        if not tensor.is_floating_point():
            raise BadRequestError(f"selective_scan: {name} has dtype {tensor.dtype}; give a real floating dtype.")
        if tensor.device != u.device:
            raise BadRequestError(
                f"selective_scan: {name} is on {tensor.device} but u is on {u.device}; move all to one device."
            )
    _check_shapes(given)
    dtype = torch.float64 if any(tensor.dtype == torch.float64 for tensor in given.values()) else torch.float32
    cast = {name: tensor.to(dtype) for name, tensor in given.items()}
    for name in ("B", "C"):
        if cast[name].dim() == 3:
            cast[name] = cast[name].unsqueeze(1)
    return ScanInputs(
        u=cast["u"],
        delta=cast["delta"],
        A=cast["A"],
        B=cast["B"],
        C=cast["C"],
        D=cast.get("D"),
        z=cast.get("z"),
        delta_bias=cast.get("delta_bias"),
        delta_softplus=bool(delta_softplus),
    )


def _check_shapes(given: dict[str, torch.Tensor]) -> None:
    """Raise BadRequestError unless all shapes fit together."""
    u, A = given["u"], given["A"]
    if u.dim() != 3 or 0 in u.shape:
        raise BadRequestError(
            f"selective_scan: u has shape {tuple(u.shape)}; expected a non-empty (batch, channels, length)."
        )
    batch, channels, length = u.shape
    if A.dim() != 2 or A.shape[0] != channels or A.shape[1] == 0:
        raise BadRequestError(
            f"selective_scan: A has shape {tuple(A.shape)}; expected (channels, state), channels = {channels} as in u."
        )
    for name in ("delta", "z"):
        if name in given and given[name].shape != u.shape:
            raise BadRequestError(
                f"selective_scan: {name} has shape {tuple(given[name].shape)}; expected {tuple(u.shape)} as u."
            )
    for name in ("D", "delta_bias"):
        if name in given and tuple(given[name].shape) != (channels,):
            raise BadRequestError(
                f"selective_scan: {name} has shape {tuple(given[name].shape)}; expected ({channels},), one per channel."
            )
    state = A.shape[1]
    for name in ("B", "C"):
        shape = tuple(given[name].shape)
        constant = shape == (channels, state)
        per_token = shape == (batch, state, length)
        grouped = (
            len(shape) == 4
            and (shape[0], shape[2], shape[3]) == (batch, state, length)
            and shape[1] > 0
            and channels % shape[1] == 0
        )
        if not (constant or per_token or grouped):
            raise BadRequestError(
                f"selective_scan: {name} has shape {shape}; expected constant {(channels, state)}, per token "
                f"{(batch, state, length)} or ({batch}, groups, {state}, {length}) with groups dividing {channels}."
            )
