"""The ``numba`` backend: the selective scan on CPUs, in threads over sequences and channels, differentiable.

Forward keeps one state per block of tokens; backward computes the states of a block again from it. No tensor of
(batch, channels, length, state) exists at any time. Results do not depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from mambamed.scan.inputs import ScanInputs
from mambamed.scan.numba_compiler import CompiledScan
from mambamed.scan.numba_compiler import compiled_scan
from mambamed.scan.numba_vectors import LANES
from mambamed.scan.thread_pool import run_tasks

__all__ = ["scan"]

_BLOCK_TOKENS = 64
_GATHER_TOKENS = 4096
_BACKWARD_TOKENS = 16384


def scan(inputs: ScanInputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Scan CPU tensors of float32 or float64; see :func:`mambamed.scan.selective_scan`.

    Returns:
        ``y`` (batch, channels, length) and the last state (batch, channels, state), which carries no gradient.
    """
    tensors = inputs.tensors()
    differentiable = torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)
    return _NumbaScan.apply(inputs.delta_softplus, differentiable, *tensors)


@dataclass(frozen=True)
class _Weights:
    """B or C as rows of the padded state, one per token of a group or, where constant, one per channel."""

    rows: np.ndarray
    constant: bool
    groups: int
    length: int

    def place(self, sequence: int, group: int) -> tuple[np.ndarray, int, int, int]:
        """Arguments of the loops for one group of one sequence."""
        if self.constant:
            return self.rows, 0, 1, 0
        return self.rows, (sequence * self.groups + group) * self.length, 0, 1


class _Plan:
    """How one scan is cut: channels into tasks, tokens into blocks."""

    def __init__(self, u: torch.Tensor, A: torch.Tensor, B: torch.Tensor, C: torch.Tensor) -> None:
        self.batch, self.channels, self.length = u.shape
        self.state = A.shape[1]
        self.padded = -(-self.state // LANES) * LANES
        self.block = _BLOCK_TOKENS * max(1, self.padded // 64)
        self.blocks = -(-self.length // self.block)
        # Neighbouring channels of one task read the same rows of B and C, so a task never crosses a group's border.
        groups = [weights.shape[1] for weights in (B, C) if weights.dim() == 4]
        self.groups = int(np.lcm.reduce(groups)) if groups else 1
        per_group = self.channels // self.groups
        width = min(per_group, max(4, min(16, self.batch * self.channels // 8)))
        self.tasks = [
            (sequence, group * per_group + start, group * per_group + min(start + width, per_group))
            for sequence in range(self.batch)
            for group in range(self.groups)
            for start in range(0, per_group, width)
        ]

    def weights(self, loops: CompiledScan, source: torch.Tensor, dtype: Any) -> _Weights:
        """B or C brought to rows of the padded state."""
        if source.dim() == 2:
            return _Weights(self.padded_rows(source, dtype), True, 1, self.length)
        groups = source.shape[1]
        rows = np.empty(self.batch * groups * self.length * self.padded, dtype)
        array = source.detach().numpy()
        run_tasks(
            loops.gather_rows,
            [
                (
                    array,
                    sequence,
                    group,
                    first,
                    min(first + _GATHER_TOKENS, self.length),
                    rows,
                    (sequence * groups + group) * self.length,
                    self.padded,
                )
                for sequence in range(self.batch)
                for group in range(groups)
                for first in range(0, self.length, _GATHER_TOKENS)
            ],
            work=rows.size,
        )
        return _Weights(rows, False, groups, self.length)

    def padded_rows(self, source: torch.Tensor, dtype: Any) -> np.ndarray:
        """A (channels, state) tensor, flat, its state padded with zeros."""
        rows = np.zeros((self.channels, self.padded), dtype)
        rows[:, : self.state] = source.detach().numpy()
        return rows.reshape(-1)

    def group_of(self, weights: _Weights, channel: int) -> int:
        """Group whose B or C a channel reads."""
        return channel // (self.channels // weights.groups)

    @property
    def work(self) -> int:
        """State updates of the whole scan."""
        return self.batch * self.channels * self.length * self.padded


class _NumbaScan(torch.autograd.Function):
    """Forward and backward over the compiled loops."""

    @staticmethod
    def forward(context: Any, softplus: bool, keep: bool, *tensors: Any) -> tuple[torch.Tensor, torch.Tensor]:
        u, _, A, B, C, _, _, _ = tensors
        loops = compiled_scan(u.dtype)
        plan = _Plan(u, A, B, C)
        dtype = u.detach().numpy().dtype
        y = torch.empty_like(u)
        states = np.zeros(plan.batch * plan.channels * plan.padded, dtype)
        checkpoints = np.empty(plan.batch * plan.channels * plan.blocks * plan.padded if keep else 0, dtype)
        common = _common_arguments(plan, loops, tensors, softplus, dtype)
        output = y.numpy()
        run_tasks(
            loops.scan_forward,
            [(*common(task), output, checkpoints, keep, states) for task in plan.tasks],
            work=plan.work,
        )
        last_state = torch.from_numpy(states.reshape(plan.batch, plan.channels, plan.padded)[:, :, : plan.state].copy())
        context.softplus = softplus
        context.plan = plan
        context.save_for_backward(torch.from_numpy(checkpoints), *tensors)
        context.mark_non_differentiable(last_state)
        return y, last_state

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        checkpoints, *tensors = context.saved_tensors
        u, delta, A, B, C, D, z, delta_bias = tensors
        plan: _Plan = context.plan
        loops = compiled_scan(u.dtype)
        dtype = u.detach().numpy().dtype
        grad_u, grad_delta = torch.empty_like(u), torch.empty_like(delta)
        grad_z = torch.empty_like(z) if z is not None else None
        grad_b, grad_c = torch.empty_like(B), torch.empty_like(C)
        sums = np.zeros((plan.batch, plan.channels, 3 * plan.padded + 2))
        adjoints = np.zeros(plan.batch * plan.channels * plan.padded, dtype)
        window = min(_BACKWARD_TOKENS // plan.block * plan.block, plan.blocks * plan.block)
        partials = {
            name: np.empty(len(plan.tasks) * window * plan.padded if weights.dim() == 4 else 0, dtype)
            for name, weights in (("b", B), ("c", C))
        }
        common = _common_arguments(plan, loops, tensors, context.softplus, dtype)
        upstream = gradients[0].numpy()
        slopes = (grad_u.numpy(), grad_delta.numpy(), grad_z.numpy() if grad_z is not None else grad_u.numpy())
        saved = checkpoints.numpy()
        for first in range((plan.length - 1) // window * window, -1, -window):
            last = min(first + window, plan.length)
            for partial in partials.values():
                partial.fill(0)
            run_tasks(
                loops.scan_backward,
                [
                    (
                        *common(task),
                        *(first, last, saved, adjoints, upstream),
                        *(*slopes, sums, partials["b"], partials["c"], number),
                    )
                    for number, task in enumerate(plan.tasks)
                ],
                work=plan.batch * plan.channels * (last - first) * plan.padded,
            )
            for name, target in (("b", grad_b), ("c", grad_c)):
                if target.dim() == 4:
                    _collect(plan, loops, partials[name], target.numpy(), first, last)
        constants = torch.from_numpy(sums).sum(0)
        per_state = constants[:, : 3 * plan.padded].reshape(plan.channels, 3, plan.padded)[:, :, : plan.state]
        return (
            None,
            None,
            grad_u,
            grad_delta,
            per_state[:, 0].to(A.dtype),
            per_state[:, 1].to(B.dtype) if B.dim() == 2 else grad_b,
            per_state[:, 2].to(C.dtype) if C.dim() == 2 else grad_c,
            constants[:, 3 * plan.padded].to(u.dtype) if D is not None else None,
            grad_z,
            constants[:, 3 * plan.padded + 1].to(u.dtype) if delta_bias is not None else None,
        )


def _common_arguments(plan: _Plan, loops: CompiledScan, tensors: Any, softplus: bool, dtype: Any) -> Any:
    """The arguments that forward and backward share, as a function of the task."""
    u, delta, A, B, C, D, z, delta_bias = tensors
    rows_a = plan.padded_rows(A, dtype)
    b, c = plan.weights(loops, B, dtype), plan.weights(loops, C, dtype)
    nothing = np.zeros(plan.channels, dtype)
    skip = np.ascontiguousarray(D.detach().numpy()) if D is not None else nothing
    bias = np.ascontiguousarray(delta_bias.detach().numpy()) if delta_bias is not None else nothing
    arrays = [tensor.detach().numpy() for tensor in (u, delta, z if z is not None else u)]

    def arguments(task: tuple[int, int, int]) -> tuple[Any, ...]:
        sequence, first, last = task
        b_place = b.place(sequence, plan.group_of(b, first))
        c_place = c.place(sequence, plan.group_of(c, first))
        return (
            *(*arrays, z is not None, skip, bias, softplus, rows_a, *b_place, *c_place),
            *(sequence, first, last, plan.padded, plan.block),
        )

    return arguments


def _collect(plan: _Plan, loops: CompiledScan, partial: np.ndarray, target: np.ndarray, first: int, last: int) -> None:
    """Sum the tasks' gradients of B or C per token into (batch, groups, state, length)."""
    groups = target.shape[1]
    per_group = plan.channels // groups
    ranges: dict[tuple[int, int], list[int]] = {}
    for number, (sequence, first_channel, _) in enumerate(plan.tasks):
        ranges.setdefault((sequence, first_channel // per_group), []).append(number)
    tokens = last - first
    run_tasks(
        loops.scatter_rows,
        [
            (
                *(partial, numbers[0], numbers[-1] + 1, tokens, start, min(start + _GATHER_TOKENS, tokens)),
                *(target, sequence, group, first, plan.padded),
            )
            for (sequence, group), numbers in ranges.items()
            for start in range(0, tokens, _GATHER_TOKENS)
        ],
        work=len(plan.tasks) * tokens * plan.padded,
    )
