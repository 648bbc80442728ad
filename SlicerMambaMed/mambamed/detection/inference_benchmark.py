"""Time and memory of a detection on this machine: ``mambamed bench detect``.

The networks have random weights: they compute the same, but find nothing, so that the suppression of doubles is not
in the time.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from mambamed.detection.description import DetectorDescription
from mambamed.detection.model import DetectionModel
from mambamed.detection.networks.detector import build_detector
from mambamed.detection.networks.settings import DetectorSettings
from mambamed.detection.predict import predict
from mambamed.detection.settings import DetectionSettings
from mambamed.models.card import CardInput
from mambamed.models.card import CardLabel
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.nn.device import choose_device
from mambamed.scan.memory_probe import status_bytes

__all__ = ["CASES", "SpeedCase", "measure_speed", "run"]


@dataclass(frozen=True)
class SpeedCase:
    """A network, its tiles, and the picture that it is shown."""

    name: str
    network: DetectorSettings
    tile_px: int
    overlap_px: int
    width: int
    height: int


_PUBLISHED = DetectorSettings(1)
_SMALL = DetectorSettings(1, backbone="resnet18", width=0.25, feature_channels=48, finest_stride=4)

CASES = (
    SpeedCase("DCFL, ResNet-18 at 1/4, stride 4", _SMALL, 256, 48, 512, 512),
    SpeedCase("DCFL, ResNet-18 at 1/4, stride 4", _SMALL, 256, 48, 512, 2048),
    SpeedCase("DCFL, ResNet-50, stride 8", _PUBLISHED, 1024, 200, 1024, 1024),
)


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure, see ``mambamed.cli.bench``."""
    rows = []
    for case in CASES:
        say(f"{case.name}: {case.width} x {case.height} pixels")
        found = measure_speed(case)
        memory = "" if found["extra_mb"] is None else round(found["extra_mb"])
        rows.append(
            [
                case.name,
                f"{case.width} x {case.height}",
                f"{found['tiles']} of {case.tile_px}",
                round(found["seconds"], 2),
                round(found["seconds_per_megapixel"], 2),
                memory,
            ]
        )
    columns = ["Network", "Picture", "Tiles", "Seconds", "s per megapixel", "Memory beyond picture and network (MB)"]
    device = str(choose_device("auto"))
    return {
        "title": "Detection: time and memory of one picture",
        "tables": [{"title": f"On {device}, float32", "columns": columns, "rows": rows}],
        "notes": [
            "The better of two runs after one that does not count; random weights, so no boxes are suppressed.",
            "Memory: by how much the process's peak on Linux (with CUDA the device's) exceeds what it held before; "
            "what earlier rows have freed may be used again unseen.",
        ],
    }


def measure_speed(case: SpeedCase, device: str = "auto", runs: int = 2) -> dict[str, Any]:
    """Return ``seconds``, ``seconds_per_megapixel``, ``tiles`` and ``extra_mb`` (None where it cannot be measured)."""
    chosen = choose_device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_detector(case.network).to(chosen).eval().requires_grad_(False)
    description = DetectorDescription(
        ("object",), case.network, tile_size_px=case.tile_px, tile_overlap_px=case.overlap_px
    )
    model = DetectionModel(network, description, _card(), chosen)
    values = np.random.default_rng(0).integers(0, 256, (case.height, case.width), dtype=np.uint8)
    image = sitk.GetImageFromArray(values)
    before = _reset_memory(chosen)  # before the first run: what that frees may stay with the process for the others
    predict(model, image, DetectionSettings())
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        result = predict(model, image, DetectionSettings())
        seconds.append(time.perf_counter() - started)
    extra = None if before is None else (_peak_memory(chosen) - before) / 1e6
    return {
        "seconds": min(seconds),
        "seconds_per_megapixel": min(seconds) / (case.width * case.height / 1e6),
        "tiles": result.record["tiles"]["per_slice"],
        "extra_mb": extra,
    }


def _reset_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    if device.type != "cpu" or platform.system() != "Linux":
        return None
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:  # some containers do not allow it
        return None
    return status_bytes("VmRSS")


def _peak_memory(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else status_bytes("VmHWM")


def _card() -> ModelCard:
    return ModelCard(
        id="random-detector",
        version="1.0.0",
        title="Random weights",
        task="detection",
        modality="image",
        inputs=(CardInput("image", "Image"),),
        network="DCFL",
        weights=(CardWeights("weights.safetensors"),),
        training_data="none",
        licence="Apache-2.0",
        intended_use="measuring time and memory",
        demonstration_only=True,
        labels=(CardLabel(1, "object", (230, 159, 0)),),
    )
