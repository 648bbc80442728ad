"""The processes that train together, as torchrun starts them; one process where there is nothing to share."""

from __future__ import annotations

import os

import torch
import torch.distributed as distributed

from mambamed.errors import BadRequestError

__all__ = [
    "any_rank",
    "device_of_rank",
    "join_process_group",
    "largest_of_ranks",
    "mean_over_ranks",
    "own_samples",
    "rank",
    "world_size",
]


def join_process_group(device: torch.device) -> None:
    """Join the processes that torchrun has started, if it has: NCCL between CUDA devices, gloo otherwise."""
    if "WORLD_SIZE" not in os.environ or distributed.is_initialized():
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")


def rank() -> int:
    """Return the number of this process; 0 reports and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world_size() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def device_of_rank(device: torch.device) -> torch.device:
    """Return this process's own device: the graphics card with its number on its machine, or the device as given."""
    if device.type == "cuda" and distributed.is_initialized():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device


def own_samples(batch_size: int) -> range:
    """Return the places in the whole batch that this process fills.

    Raises:
        BadRequestError: There are more processes than samples.
    """
    processes, here = world_size(), rank()
    if batch_size < processes:
        raise BadRequestError(
            f"The plan's batch has {batch_size} samples, fewer than the {processes} processes of this training; start "
            f"at most {batch_size}."
        )
    return range(batch_size * here // processes, batch_size * (here + 1) // processes)


def any_rank(flags: tuple[bool, ...], device: torch.device) -> tuple[bool, ...]:
    """Return for each flag whether it is set in any of the processes, so that all of them do the same."""
    return tuple(bool(value) for value in largest_of_ranks(tuple(float(flag) for flag in flags), device))


def largest_of_ranks(values: tuple[float, ...], device: torch.device) -> tuple[float, ...]:
    """Return each value as the process with the largest has it, so that all of them go on from the same."""
    if not distributed.is_initialized():
        return values
    shared = torch.tensor(values, device=device, dtype=torch.float32)
    distributed.all_reduce(shared, op=distributed.ReduceOp.MAX)
    return tuple(shared.tolist())


def mean_over_ranks(value: float, device: torch.device) -> float:
    """Return the mean of a number over the processes that train together."""
    if not distributed.is_initialized():
        return value
    total = torch.tensor(value, device=device)
    distributed.all_reduce(total)
    return float(total) / distributed.get_world_size()
