"""Run a network over overlapping windows and blend the results, within the memory that there is."""

from __future__ import annotations

import gc
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import torch
from torch import Tensor

from mambamed.errors import MambaMedError
from mambamed.jobs.reporter import Reporter
from mambamed.segmentation.windows import Window
from mambamed.segmentation.windows import gaussian_weights
from mambamed.segmentation.windows import mirror_combinations
from mambamed.segmentation.windows import window_positions

__all__ = ["NotFiniteError", "WindowPlan", "is_out_of_memory", "predict_windows"]

_MEMORY_PHRASES = ("out of memory", "can't allocate memory", "not enough memory", "DefaultCPUAllocator")


class NotFiniteError(MambaMedError):
    """The network gave NaN or infinity, usually because a narrow number format overflowed."""


class _ResultsOverflowError(Exception):
    """Finite logits became infinite when they were added up in float16."""


@dataclass(frozen=True)
class WindowPlan:
    """How the windows are run.

    Attributes:
        patch_size: Window size, 3 values or 2 for slices.
        step_size: Distance of windows as a fraction of the window.
        mirror_axes: Spatial axes to average mirrored copies over, or None.
        batch_size: Windows per call of the network.
        results_device: Where logits are collected.
        results_dtype: In which format: float16 as in nnunetv2 (half the memory, and its rounding), or float32.
        size_divisor: Each window length must be a multiple of this, per axis.
        fixed_patch: Whether the network accepts no other window size (U-Mamba Enc with channel tokens).
    """

    patch_size: tuple[int, ...]
    step_size: float
    mirror_axes: tuple[int, ...] | None
    batch_size: int
    results_device: torch.device
    results_dtype: torch.dtype
    size_divisor: tuple[int, ...]
    fixed_patch: bool


def predict_windows(
    network: Callable[[Tensor], Tensor],
    data: Tensor,
    box: tuple[slice, ...],
    classes: int,
    plan: WindowPlan,
    reporter: Reporter,
    on_progress: Callable[[float], None],
) -> tuple[Tensor, WindowPlan]:
    """Compute blended logits of a whole image.

    When memory runs out, the work is halved and begun again, with a warning: fewer windows at a time, then results
    collected in main memory, then (for networks that allow it) smaller windows.

    Args:
        network: Maps windows (batch, channels, [z,] y, x) to logits (batch, classes, ...) in float32.
        data: (channels, z, y, x) float32.
        box: Part of the image whose logits are wanted, one slice per axis; only windows that touch it are computed.
        classes: Channels of the logits.
        plan: How to run.
        reporter: Asked between windows whether the job is cancelled; gets the warnings.
        on_progress: Called with the fraction of windows done.

    Returns:
        Logits (classes, z, y, x) of the box, in ``plan.results_dtype`` on ``plan.results_device``, and the plan that
        went through.

    Raises:
        MambaMedError: Memory ran out although the work was halved as far as it goes, or logits overflowed.
    """
    while True:
        try:
            return _run(network, data, box, classes, plan, reporter, on_progress), plan
        except _ResultsOverflowError:
            reporter.log("The blended logits leave the range of float16; the work starts again with float32 results.")
            plan = replace(plan, results_dtype=torch.float32)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            smaller = _halved(plan)
            if smaller is None:
                raise MambaMedError(
                    f"There is not enough memory for a window of {' x '.join(map(str, plan.patch_size))} voxels; close "
                    "other programs, choose a region of interest, or choose another device."
                ) from None
            reporter.warning(f"Memory ran out: {_difference(plan, smaller)}. The work starts again.")
            plan = smaller
        # Reached after an exception only, when its frames no longer hold the tensors.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception means that memory (of the computer or the graphics card) ran out."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in _MEMORY_PHRASES)


def _halved(plan: WindowPlan) -> WindowPlan | None:
    if plan.batch_size > 1:
        return replace(plan, batch_size=plan.batch_size // 2)
    if plan.results_device.type != "cpu":
        return replace(plan, results_device=torch.device("cpu"))
    if plan.fixed_patch:
        return None
    axes = sorted(range(len(plan.patch_size)), key=lambda axis: -plan.patch_size[axis])
    for axis in axes:
        divisor = plan.size_divisor[axis]
        half = (plan.patch_size[axis] // 2) // divisor * divisor
        # Below two voxels at the bottleneck there is nothing left to normalise over.
        if half >= 2 * divisor:
            patch = list(plan.patch_size)
            patch[axis] = half
            return replace(plan, patch_size=tuple(patch))
    return None


def _difference(before: WindowPlan, after: WindowPlan) -> str:
    if after.batch_size != before.batch_size:
        return f"{after.batch_size} windows are computed at a time instead of {before.batch_size}"
    if after.results_device != before.results_device:
        return "results are collected in main memory"
    sizes = [" x ".join(map(str, plan.patch_size)) for plan in (after, before)]
    return f"windows of {sizes[0]} voxels are used instead of {sizes[1]}, which may change the result slightly"


def _padded(data: Tensor, patch_size: Sequence[int]) -> tuple[Tensor, list[int]]:
    """Pad with zeros around an image that is smaller than a window, as nnunetv2 does (centred).

    Returns:
        The padded image and how many voxels were put before it along each axis.
    """
    lengths = list(data.shape[1:])
    missing = [0] * (3 - len(patch_size)) + [
        max(0, patch - length) for patch, length in zip(patch_size, lengths[-len(patch_size) :], strict=True)
    ]
    before = [amount // 2 for amount in missing]
    if not any(missing):
        return data, before
    pairs = [(low, total - low) for low, total in zip(before, missing, strict=True)]
    amounts = [value for pair in reversed(pairs) for value in pair]
    return torch.nn.functional.pad(data, amounts), before


@torch.inference_mode()
def _run(
    network: Callable[[Tensor], Tensor],
    data: Tensor,
    box: tuple[slice, ...],
    classes: int,
    plan: WindowPlan,
    reporter: Reporter,
    on_progress: Callable[[float], None],
) -> Tensor:
    reporter.check_cancelled()
    padded, before = _padded(data, plan.patch_size)
    wanted = tuple(slice(side.start + low, side.stop + low) for side, low in zip(box, before, strict=True))
    windows = [
        window
        for window in window_positions(padded.shape[1:], plan.patch_size, plan.step_size)
        if all(side.start < part.stop and part.start < side.stop for side, part in zip(window, wanted, strict=True))
    ]
    weights = gaussian_weights(tuple(plan.patch_size), plan.results_device)
    shape = [side.stop - side.start for side in wanted]
    collected = torch.zeros((classes, *shape), dtype=plan.results_dtype, device=plan.results_device)
    total_weight = torch.zeros(shape, dtype=plan.results_dtype, device=plan.results_device)
    flat = len(plan.patch_size) == 2
    if flat:
        weights = weights[None]
    for start in range(0, len(windows), plan.batch_size):
        batch = windows[start : start + plan.batch_size]
        reporter.check_cancelled()
        indices = [(slice(None), *window) for window in batch]
        stacked = torch.stack([padded[index] for index in indices])
        logits = _window_logits(network, stacked, plan, reporter, flat)
        if not bool(torch.isfinite(logits.sum())) and not bool(torch.isfinite(logits).all()):
            raise NotFiniteError(
                "The network gave values that are not finite; choose the precision float32, or check the model's "
                "weights."
            )
        for window, one in zip(batch, logits, strict=True):
            _add(collected, total_weight, window, wanted, one.to(plan.results_device), weights)
        on_progress(min(1.0, (start + len(batch)) / len(windows)))
    torch.div(collected, total_weight, out=collected)
    if plan.results_dtype == torch.float16 and not bool(torch.isfinite(collected).all()):
        raise _ResultsOverflowError
    return collected


def _add(
    collected: Tensor,
    total_weight: Tensor,
    window: Window,
    wanted: tuple[slice, ...],
    logits: Tensor,
    weights: Tensor,
) -> None:
    """Add the part of a window that lies in the wanted box."""
    starts = [max(side.start, part.start) for side, part in zip(window, wanted, strict=True)]
    stops = [min(side.stop, part.stop) for side, part in zip(window, wanted, strict=True)]
    bounds = list(zip(starts, stops, window, wanted, strict=True))
    source = tuple(slice(start - side.start, stop - side.start) for start, stop, side, _ in bounds)
    target = tuple(slice(start - part.start, stop - part.start) for start, stop, _, part in bounds)
    all_classes = (slice(None),)
    part = logits[all_classes + source]
    part *= weights[source]
    collected[all_classes + target] += part
    total_weight[target] += weights[source]


def _window_logits(
    network: Callable[[Tensor], Tensor], stacked: Tensor, plan: WindowPlan, reporter: Reporter, flat: bool
) -> Tensor:
    """Logits (batch, classes, z, y, x) of windows, averaged over mirrored copies."""
    windows = stacked.squeeze(2) if flat else stacked
    combinations = mirror_combinations(plan.mirror_axes)
    logits = network(windows)
    for combination in combinations[1:]:
        reporter.check_cancelled()
        axes = [axis + 2 for axis in combination]
        logits += torch.flip(network(torch.flip(windows, axes)), axes)
    if len(combinations) > 1:
        logits /= len(combinations)
    return logits.unsqueeze(2) if flat else logits
