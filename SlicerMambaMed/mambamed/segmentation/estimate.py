"""What a segmentation will cost, before it starts: memory and time from plans, image size and measured speed.

Standard library only: Slicer asks this in its own process whenever a choice in the panel changes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.segmentation.calibration import read_calibration
from mambamed.segmentation.calibration import speed_key
from mambamed.segmentation.network_cost import network_operations
from mambamed.segmentation.network_cost import peak_activation_values
from mambamed.segmentation.network_cost import weight_count
from mambamed.segmentation.networks.plan import NetworkPlan
from mambamed.segmentation.networks.plan import resolve_configuration
from mambamed.segmentation.settings import SegmentationSettings

__all__ = ["Estimate", "count_windows", "estimate_segmentation", "network_name"]

_ENGINE_BYTES = 700e6
"""Python, PyTorch and nnunetv2 alone, measured with an idle engine that has a small model loaded."""

_EXPORT_BYTES = 300e6
"""Slices of resampled logits, at most (see ``export``)."""


@dataclass(frozen=True)
class Estimate:
    """Expected cost of a segmentation.

    Attributes:
        memory_bytes: Main memory of the engine on the CPU; memory of the graphics card where that computes.
        seconds: Time for the windows, or None as long as this machine has not run such a network.
        windows: Calls of the network, mirrored copies and folds counted.
        voxels: Voxels after resampling to the model's spacing.
        warnings: Sentences for the user that say what to do.
    """

    memory_bytes: int
    seconds: float | None
    windows: int
    voxels: int
    warnings: tuple[str, ...]


def estimate_segmentation(
    folder: str | os.PathLike[str],
    image_size: Sequence[int],
    spacing_mm: Sequence[float],
    settings: SegmentationSettings | Mapping[str, Any] | None = None,
) -> Estimate:
    """Estimate memory and time of a segmentation.

    Args:
        folder: Folder of the model, with ``plans.json`` and ``dataset.json``.
        image_size: Voxels along the image axes x, y[, z].
        spacing_mm: Voxel size along the same axes.
        settings: What is chosen; None is the default.

    Returns:
        The estimate.

    Raises:
        BadRequestError: The folder is no model.
    """
    if not isinstance(settings, SegmentationSettings):
        settings = SegmentationSettings.from_json(settings or {})
    model = Path(folder)
    plans, dataset = _read(model / "plans.json"), _read(model / "dataset.json")
    trainer, configuration_name = _trainer_and_configuration(model, plans)
    configuration = resolve_configuration(plans, configuration_name)
    plan = NetworkPlan.from_configuration(configuration)
    channels = len(dataset.get("channel_names") or dataset.get("modality") or {"0": "image"})
    classes = len(dataset.get("regions_class_order") or [name for name in dataset["labels"] if name != "ignore"])

    shape = _network_shape(image_size, spacing_mm, configuration["spacing"], plans.get("transpose_forward", (0, 1, 2)))
    voxels = math.prod(shape)
    mirrors = 2 ** len(plan.patch_size) if settings.mirroring else 1
    folds = len(settings.folds) if settings.folds else _count_folds(model)
    calls = count_windows(shape, plan.patch_size, settings.step_size) * mirrors * folds
    operations = calls * network_operations(plan, classes, channels, "UMamba" in trainer)

    device = settings.device
    calibration = read_calibration()
    if device == "auto":
        device = str(calibration.get("auto", "cpu"))
    speed = calibration.get(speed_key(device, network_name(trainer, plan))) or calibration.get(speed_key(device))
    seconds = operations / float(speed) if isinstance(speed, (int, float)) and speed > 0 else None
    memory = _memory_bytes(plan, classes, channels, math.prod(image_size), voxels, folds, settings)
    return Estimate(int(memory), seconds, calls, voxels, tuple(_warnings(memory, seconds, device, settings)))


def count_windows(image_shape: Sequence[int], patch_size: Sequence[int], step_size: float) -> int:
    """Count windows as they are laid over an image.

    Args:
        image_shape: (z, y, x) after resampling.
        patch_size: Window; two values run slice by slice.
        step_size: Distance of windows as a fraction of the window.
    """
    count = image_shape[0] if len(patch_size) == 2 else 1
    for length, window in zip(image_shape[-len(patch_size) :], patch_size, strict=True):
        count *= math.ceil(max(0, length - window) / (window * step_size)) + 1
    return count


def _network_shape(
    image_size: Sequence[int], spacing_mm: Sequence[float], target_mm: Sequence[float], forward: Sequence[int]
) -> list[int]:
    """Array shape (network order) after resampling; nothing is cropped away in this estimate."""
    size = [int(length) for length in image_size][::-1]
    spacing = [float(value) for value in spacing_mm][::-1]
    if len(size) == 2:
        size, spacing = [1, *size], [999.0, *spacing]
    size = [size[axis] for axis in forward]
    spacing = [spacing[axis] for axis in forward]
    target = [spacing[0], *target_mm] if len(target_mm) == 2 else list(target_mm)
    return [max(1, round(length * old / new)) for length, old, new in zip(size, spacing, target, strict=True)]


def _memory_bytes(
    plan: NetworkPlan,
    classes: int,
    channels: int,
    image_voxels: int,
    voxels: int,
    folds: int,
    settings: SegmentationSettings,
) -> float:
    value_bytes = 4 if settings.precision == "float32" else 2
    network = peak_activation_values(plan, classes) * value_bytes + weight_count(plan) * 4 * (folds + 2)
    if settings.device.startswith("cuda"):
        return network + voxels * (2 * classes + 2 + 4 * channels) + 500e6
    images = image_voxels * (4 * channels * 2 + 2) + voxels * channels * 8
    results = voxels * (2 * classes + 2) * (2 if folds > 1 else 1)
    extras = image_voxels * 4 * 2 * ((classes - 1) * settings.probabilities + settings.uncertainty)
    return _ENGINE_BYTES + images + max(network + results, results + _EXPORT_BYTES) + extras


def _warnings(memory: float, seconds: float | None, device: str, settings: SegmentationSettings) -> list[str]:
    found = []
    total = _main_memory_bytes()
    if total is not None and memory > 0.9 * total and not device.startswith("cuda"):
        found.append(
            f"About {memory / 2**30:.0f} GB of memory are needed and this computer has {total / 2**30:.0f} GB. Choose "
            "a region of interest, or crop the volume."
        )
    if seconds is not None and seconds > 1800 and settings.mirroring:
        found.append("Mirroring multiplies the time; switch it off for a first result.")
    elif seconds is not None and seconds > 1800:
        found.append("This takes long on this device; a larger step size or a region of interest makes it shorter.")
    return found


def _main_memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def network_name(trainer: str, plan: NetworkPlan) -> str:
    """Name the kind of network whose speed is remembered, for example ``UMambaBot3d``."""
    for name in ("UMambaBot", "UMambaEnc"):
        if name in trainer:
            return f"{name}{plan.dimension}d"
    return f"{plan.network_class_name.split('.')[-1]}{plan.dimension}d"


def _trainer_and_configuration(folder: Path, plans: Mapping[str, Any]) -> tuple[str, str]:
    """Trainer and configuration from the card, the folder's name, or the only configuration there is."""
    card = _read(folder / "model-card.json") if (folder / "model-card.json").is_file() else {}
    parts = folder.resolve().name.split("__")
    named = (parts[0], parts[2]) if len(parts) == 3 else ("", "")
    trainer = str(card.get("trainer_name") or named[0])
    configuration = str(card.get("configuration") or named[1] or next(iter(plans["configurations"]), ""))
    return trainer, configuration


def _count_folds(folder: Path) -> int:
    folds = [path.name for path in folder.glob("fold_*") if path.name != "fold_all"]
    return max(1, len(folds))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequestError(f"{path} cannot be read; expected the folder of a trained model.") from error
    if not isinstance(content, dict):
        raise BadRequestError(f"{path} holds no JSON object; expected the folder of a trained model.")
    return content
