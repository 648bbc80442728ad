"""From logits to label map, probabilities and uncertainty on the grid of the preprocessed image's source.

The full-resolution logits of all classes never exist at once: a few slices are resampled, decided and forgotten. The
numbers are those of nnunetv2 (which rounds resampled logits to float16 before the decision), label by label.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager
from torch import Tensor

from mambamed.jobs.reporter import Reporter
from mambamed.segmentation.labels import SegmentationLabel
from mambamed.segmentation.resampling import apply_along
from mambamed.segmentation.resampling import axis_matrices
from mambamed.segmentation.resampling import is_standard_resampling

__all__ = ["Decision", "ExportPlan", "decide"]

_CHUNK_BYTES = 96 * 1024 * 1024


@dataclass(frozen=True)
class ExportPlan:
    """What to make of the logits.

    Attributes:
        shape: (z, y, x) of the result: the cropped image before resampling, in the network's axis order.
        spacing: Its spacing, mm, array order.
        network_shape: (z, y, x) of the whole preprocessed image.
        network_spacing: Its spacing, mm, array order.
        network_box: Part of the preprocessed image that the logits cover, one slice per axis.
        box: Part of the result that is wanted, one slice per axis; the rest is background.
        keep: Labels that may be written.
        probabilities: Whether to give probabilities of the kept labels.
        uncertainty: Whether to give the normalised entropy.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    network_shape: tuple[int, ...]
    network_spacing: tuple[float, ...]
    network_box: tuple[slice, ...]
    box: tuple[slice, ...]
    keep: tuple[SegmentationLabel, ...]
    probabilities: bool
    uncertainty: bool


@dataclass(frozen=True)
class Decision:
    """Arrays of shape ``ExportPlan.shape``.

    Attributes:
        labels: Label values, uint8 or uint16.
        probabilities: Label name -> float32 probabilities, or None.
        uncertainty: float32 entropy, 0 (certain) to 1, or None.
    """

    labels: np.ndarray
    probabilities: dict[str, np.ndarray] | None
    uncertainty: np.ndarray | None


def decide(
    logits: Tensor,
    plan: ExportPlan,
    configuration: ConfigurationManager,
    label_manager: LabelManager,
    reporter: Reporter,
) -> Decision:
    """Resample logits to the result's grid and decide each voxel.

    Args:
        logits: (classes, z, y, x), float16, covering ``plan.network_box``.
        plan: Geometry and wishes.
        configuration: Configuration of the model, for its way of resampling.
        label_manager: nnunetv2's label handling of the model.
        reporter: Asked between slices whether the job is cancelled.

    Returns:
        Label map and, where wished, probabilities and uncertainty.
    """
    sampler = _sampler(logits, plan, configuration)
    largest = max([label.value for label in plan.keep] + [0, *label_manager.all_labels])
    labels = np.zeros(plan.shape, dtype=np.uint8 if largest < 256 else np.uint16)
    probabilities = (
        {label.name: np.zeros(plan.shape, np.float32) for label in plan.keep} if plan.probabilities else None
    )
    uncertainty = np.zeros(plan.shape, np.float32) if plan.uncertainty else None
    rows = plan.box[0]
    inner = [side.stop - side.start for side in plan.box[1:]]
    step = max(1, _CHUNK_BYTES // max(1, 4 * logits.shape[0] * inner[0] * inner[1]))
    for start in range(rows.start, rows.stop, step):
        reporter.check_cancelled()
        stop = min(start + step, rows.stop)
        part = (slice(start, stop), *plan.box[1:])
        sampled = sampler.rows(start, stop)
        labels[part] = _labels_of(sampled, plan.keep, label_manager).cpu().numpy().astype(labels.dtype)
        if probabilities is not None or uncertainty is not None:
            chances = label_manager.apply_inference_nonlin(sampled)
            if probabilities is not None:
                for label in plan.keep:
                    probabilities[label.name][part] = chances[label.channel].cpu().numpy()
            if uncertainty is not None:
                uncertainty[part] = normalised_entropy(chances, label_manager.has_regions).cpu().numpy()
    return Decision(labels, probabilities, uncertainty)


def _labels_of(logits: Tensor, keep: Sequence[SegmentationLabel], label_manager: LabelManager) -> Tensor:
    """Decide (classes, z, y, x) logits; labels that are not kept become background."""
    result = torch.zeros(logits.shape[1:], dtype=torch.int32, device=logits.device)
    if label_manager.has_regions:
        for label in keep:
            result[torch.sigmoid(logits[label.channel]) > 0.5] = label.value
        return result
    values = [0] * logits.shape[0]
    for label in keep:
        values[label.channel] = label.value
    # One pass per class over whole slices: on the CPU several times faster than argmax over the strided first axis.
    # The first of equal classes wins, as in argmax.
    best = logits[0].clone()
    result.fill_(values[0])
    for channel in range(1, logits.shape[0]):
        result.masked_fill_(logits[channel] > best, values[channel])
        torch.maximum(best, logits[channel], out=best)
    return result


def normalised_entropy(chances: Tensor, independent: bool) -> Tensor:
    """Return the entropy of (classes, ...) probabilities, divided by its largest possible value.

    Shannon, "A mathematical theory of communication", 1948, section 6. For regions, which are decided independently,
    the mean over the regions of the entropy of yes and no.

    Args:
        chances: Probabilities; they sum to one over the classes unless independent.
        independent: Whether each channel is a decision of its own.

    Returns:
        Values from 0 to 1, shape (...).
    """
    tiny = torch.finfo(chances.dtype).tiny
    if independent:
        other = 1.0 - chances
        entropy = -(chances * chances.clamp_min(tiny).log() + other * other.clamp_min(tiny).log())
        return (entropy.mean(0) / math.log(2.0)).clamp_(0.0, 1.0)
    if chances.shape[0] < 2:
        return torch.zeros_like(chances[0])
    entropy = -(chances * chances.clamp_min(tiny).log()).sum(0)
    return (entropy / math.log(chances.shape[0])).clamp_(0.0, 1.0)


class _MatrixSampler:
    """Gives slices of the resampled logits by one small matrix per axis."""

    def __init__(self, logits: Tensor, plan: ExportPlan, options: dict[str, object]) -> None:
        matrices = axis_matrices(
            plan.network_shape,
            plan.shape,
            plan.network_spacing,
            plan.spacing,
            int(options.get("order", 3)),  # type: ignore[call-overload]
            int(options.get("order_z", 0)),  # type: ignore[call-overload]
            options.get("force_separate_z", False),  # type: ignore[arg-type]
        )
        self.logits = logits
        self.identical = tuple(plan.network_shape) == tuple(plan.shape)
        self.first = matrices[0][:, plan.network_box[0]].to(logits.device)
        self.others = [
            matrices[axis][plan.box[axis], plan.network_box[axis]].contiguous().to(logits.device) for axis in (1, 2)
        ]
        self.offsets = [side.start for side in plan.network_box]
        self.box = plan.box

    def rows(self, start: int, stop: int) -> Tensor:
        """Return (classes, stop - start, y, x) float32, rounded to float16 as nnunetv2 stores them."""
        if self.identical:
            sides = [
                slice(side.start - offset, side.stop - offset)
                for side, offset in zip((slice(start, stop), *self.box[1:]), self.offsets, strict=True)
            ]
            index = (slice(None), *sides)
            return self.logits[index].float()
        weights = self.first[start:stop]
        used = torch.nonzero(weights.any(dim=0)).flatten()
        low, high = int(used[0]), int(used[-1]) + 1
        part = apply_along(self.logits[:, low:high].float(), weights[:, low:high].contiguous(), 0)
        part = apply_along(part, self.others[0], 1)
        part = apply_along(part, self.others[1], 2)
        return part.half().float()


class _WholeSampler:
    """Gives slices of logits that nnunetv2's own function resampled as a whole (plans with another resampling)."""

    def __init__(self, logits: Tensor, plan: ExportPlan, configuration: ConfigurationManager) -> None:
        whole = torch.zeros((logits.shape[0], *plan.network_shape), dtype=logits.dtype)
        index = (slice(None), *plan.network_box)
        whole[index] = logits.cpu()
        resampled = configuration.resampling_fn_probabilities(whole, plan.shape, plan.network_spacing, plan.spacing)
        self.resampled = torch.as_tensor(resampled)
        self.box = plan.box

    def rows(self, start: int, stop: int) -> Tensor:
        """Return (classes, stop - start, y, x) float32."""
        return self.resampled[:, start:stop, self.box[1], self.box[2]].float()


def _sampler(logits: Tensor, plan: ExportPlan, configuration: ConfigurationManager) -> _MatrixSampler | _WholeSampler:
    function = configuration.resampling_fn_probabilities
    if is_standard_resampling(function):
        options = dict(function.keywords)
        # Splines of order 2 and more are clipped by skimage to the range of the whole volume: left to nnunetv2.
        if options.get("order", 3) <= 1 and options.get("order_z", 0) <= 1:
            return _MatrixSampler(logits, plan, options)
    return _WholeSampler(logits, plan, configuration)
