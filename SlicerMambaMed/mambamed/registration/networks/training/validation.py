"""The columns of VMambaMorph's Table 1 for a trained network: Dice, HD95, folded voxels, memory, parameters, time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import nn

from mambamed.jobs.reporter import Reporter
from mambamed.registration.layers.metrics import hausdorff_distance
from mambamed.registration.layers.metrics import non_positive_jacobian_percent
from mambamed.registration.layers.spatial_transformer import warp
from mambamed.registration.networks.training.learner import label_dice
from mambamed.registration.networks.training.loss import common_labels
from mambamed.registration.networks.training.pairs import PairSource
from mambamed.training.memory import peak_memory_gb

__all__ = ["table_line", "validate_network"]


@torch.no_grad()
def validate_network(
    network: nn.Module, source: PairSource, device: torch.device, reporter: Reporter
) -> dict[str, Any]:
    """Register all validation pairs and return the table's columns.

    Returns:
        ``initial`` and ``registered``, each with mean and standard deviation of ``dice_percent`` and ``hd95_voxels``
        over pairs (mean over the labels of a pair first); for ``registered`` also ``folded_percent``. Then
        ``memory_gb`` (peak of the process or graphics card), ``parameters_million``, ``seconds`` (median of a pair),
        ``pairs``.
    """
    network = network.to(device).eval()
    rows: dict[str, list[float]] = {}
    seconds = []
    count = source.validation_pairs()
    for number in range(count):
        reporter.check_cancelled()
        pair = source.validation_pair(number).tensors()
        batch = {name: value[None].to(device) for name, value in pair.items()}
        begun = time.perf_counter()
        displacement = network(batch["source"], batch["target"]).pos_flow
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begun)
        rows.setdefault("folded_percent", []).append(non_positive_jacobian_percent(displacement))
        if "source_labels" in batch:
            for state, field in (("initial", torch.zeros_like(displacement)), ("registered", displacement)):
                rows.setdefault(f"{state} dice_percent", []).append(100.0 * float(label_dice(batch, field).mean()))
                rows.setdefault(f"{state} hd95_voxels", []).append(_mean_hd95(batch, field))
        reporter.progress("validating", (number + 1) / count)
    summary: dict[str, Any] = {
        "initial": {},
        "registered": {"folded_percent": _mean_and_deviation(rows["folded_percent"])},
    }
    for name, values in rows.items():
        state, _, measure = name.partition(" ")
        if measure:
            summary[state][measure] = _mean_and_deviation(values)
    return {
        **summary,
        "memory_gb": peak_memory_gb(device),
        "parameters_million": sum(parameter.numel() for parameter in network.parameters()) / 1e6,
        "seconds": float(np.median(seconds)),
        "pairs": count,
    }


def table_line(table: Mapping[str, Any]) -> str:
    """Say the table in one line."""
    parts = []
    for state in ("initial", "registered"):
        values = table[state]
        if "dice_percent" in values:
            dice, distance = values["dice_percent"], values["hd95_voxels"]
            parts.append(
                f"{state}: Dice {dice['mean']:.2f} ± {dice['deviation']:.2f} %, "
                f"HD95 {distance['mean']:.2f} ± {distance['deviation']:.2f} voxels"
            )
    folded = table["registered"]["folded_percent"]
    parts.append(f"|J| <= 0 in {folded['mean']:.3f} ± {folded['deviation']:.3f} %")
    if table["memory_gb"] is not None:
        parts.append(f"{table['memory_gb']:.2f} GB")
    parts.append(f"{table['parameters_million']:.3f} million parameters, {table['seconds']:.2f} s per pair")
    return f"{'; '.join(parts)} ({table['pairs']} pairs)"


def _mean_hd95(batch: Mapping[str, Tensor], displacement: Tensor) -> float:
    """Mean HD95 in voxels over the common labels that are left after warping."""
    target = batch["target_labels"][0].cpu().numpy()
    moved = warp(batch["source_labels"][:, None].float(), displacement, mode="nearest")[0, 0].round().cpu().numpy()
    values = common_labels(batch["source_labels"], batch["target_labels"]).tolist()
    distances = [_label_hd95(target == value, moved == value) for value in values]
    return float(np.nanmean(distances)) if distances else float("nan")


def _label_hd95(first: np.ndarray, second: np.ndarray) -> float:
    """HD95 inside the box that holds both masks, with a margin of one voxel for their surfaces."""
    either = first | second
    box = []
    for axis in range(either.ndim):
        places = np.flatnonzero(either.any(axis=tuple(other for other in range(either.ndim) if other != axis)))
        box.append(slice(max(0, int(places[0]) - 1), int(places[-1]) + 2))
    return hausdorff_distance(first[tuple(box)], second[tuple(box)])


def _mean_and_deviation(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "deviation": float(np.std(values))}
