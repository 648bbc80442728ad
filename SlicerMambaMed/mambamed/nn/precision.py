"""Which number format and memory layout make convolutions fast on this machine: measured once, then remembered."""

from __future__ import annotations

import contextlib
import hashlib
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.errors import DeviceUnavailableError
from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically
from mambamed.nn.device import describe_device
from mambamed.nn.instance_norm import matching_instance_norm
from mambamed.user_folders import cache_folder

__all__ = ["PRECISIONS", "Precision", "choose_precision", "measure_convolution_seconds"]

PRECISIONS = ("auto", "float32", "bfloat16", "float16")

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_LAYOUTS = ("contiguous", "channels_last")
_FORMATS_OF_A_CPU = ("float32", "bfloat16")  # float16 convolutions are emulated there, a hundred times slower
_REQUIRED_GAIN = 1.2
_MEASUREMENT_VERSION = 1
_HOPELESS_RATIO = 4.0
_HOPELESS_SECONDS = 0.5
_ROUNDS = 8
_PATCH_SIZES = {2: (128, 160), 3: (24, 40, 48)}
_CHANNELS = 32


@dataclass(frozen=True)
class Precision:
    """How to run convolutions: number format and memory layout. State-space scans stay in float32 whatever it says.

    Attributes:
        name: ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        channels_last: Whether images and weights are kept channels-last in memory.
        measured_seconds: Seconds of the test convolution by ``"format/layout"``; empty if nothing was measured.
    """

    name: str
    channels_last: bool
    measured_seconds: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the convolutions."""
        return _DTYPES[self.name]

    def memory_format(self, dimension: int) -> torch.memory_format:
        """Return the memory format for networks and batches of 2D or 3D images."""
        if not self.channels_last:
            return torch.contiguous_format
        return torch.channels_last if dimension == 2 else torch.channels_last_3d

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """Return the context in which the network runs; it does nothing in float32."""
        if self.name == "float32":
            return contextlib.nullcontext()
        return torch.autocast(device_type=device.type, dtype=self.dtype)

    def describe(self) -> str:
        """Say the choice in a few words, for the log and the record."""
        return f"{self.name} convolutions, {'channels-last' if self.channels_last else 'contiguous'} layout"


def choose_precision(
    requested: str = "auto", device: torch.device | str = "cpu", dimension: int = 3, cache: Path | None = None
) -> Precision:
    """Choose number format and memory layout for convolutions on a device.

    A lower format is chosen only if it is at least 1.2 times as fast here as float32 in its best layout; many
    processors take bfloat16 but only emulate it. The measurement takes about a second and is kept in the user's cache
    folder, per device, number of threads and version of PyTorch.

    Args:
        requested: ``"auto"``, or the format to use: ``"float32"``, ``"bfloat16"``, ``"float16"``.
        device: Device that will be used.
        dimension: 2 or 3.
        cache: Folder of the stored measurements; the user's cache folder by default.

    Raises:
        BadRequestError: No such format.
        DeviceUnavailableError: The device cannot compute in the format.
    """
    if requested not in PRECISIONS:
        raise BadRequestError(f"There is no precision {requested!r}: expected one of {', '.join(PRECISIONS)}.")
    seconds = _stored_or_measured(torch.device(device), dimension, cache or cache_folder())
    return _choose(requested, seconds, device)


def _choose(requested: str, seconds: dict[str, float], device: torch.device | str) -> Precision:
    best = {
        name: min((seconds[f"{name}/{layout}"], layout) for layout in _LAYOUTS if f"{name}/{layout}" in seconds)
        for name in _DTYPES
        if any(f"{name}/{layout}" in seconds for layout in _LAYOUTS)
    }
    name = requested
    if requested == "auto":
        name = "float32"
        faster = [other for other in best if best[other][0] * _REQUIRED_GAIN <= best["float32"][0]]
        # bfloat16 before float16 unless that is clearly faster: its range is that of float32
        if "bfloat16" in faster:
            name = "bfloat16"
        elif "float16" in faster:
            name = "float16"
    if name not in best:
        raise DeviceUnavailableError(
            f"The device {device} cannot compute convolutions in {name}; it can in {', '.join(best)}. Choose one of "
            "these, or auto."
        )
    return Precision(name, best[name][1] == "channels_last", seconds)


def measure_convolution_seconds(device: torch.device, dimension: int) -> dict[str, float]:
    """Time one convolution with norm and activation in every format and layout that the device can do.

    Returns:
        Least seconds of several runs by ``"format/layout"``; what the device refuses or emulates is left out.
    """
    patch = _PATCH_SIZES[dimension]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block = _test_block(dimension).to(device).eval()
        image = torch.randn(1, _CHANNELS, *patch).to(device)
    formats = _FORMATS_OF_A_CPU if device.type == "cpu" else tuple(_DTYPES)
    candidates = [Precision(name, layout == "channels_last") for name in formats for layout in _LAYOUTS]
    seconds: dict[str, float] = {}
    for _ in range(_ROUNDS):  # all in turn, so that a busy moment hits them alike
        for candidate in list(candidates):
            key = f"{candidate.name}/{_LAYOUTS[candidate.channels_last]}"
            try:
                elapsed = _time_once(block, image, candidate, device, dimension)
            except (RuntimeError, TypeError, ValueError):
                candidates.remove(candidate)
                continue
            seconds[key] = min(elapsed, seconds.get(key, float("inf")))
            if elapsed > max(_HOPELESS_SECONDS, _HOPELESS_RATIO * min(seconds.values())):
                candidates.remove(candidate)
    return seconds


def _test_block(dimension: int) -> nn.Module:
    convolution = nn.Conv2d if dimension == 2 else nn.Conv3d
    return nn.Sequential(
        convolution(_CHANNELS, _CHANNELS, 3, padding=1),
        matching_instance_norm(dimension)(_CHANNELS, affine=True),
        nn.LeakyReLU(0.01, inplace=True),
    )


def _time_once(block: nn.Module, image: Tensor, candidate: Precision, device: torch.device, dimension: int) -> float:
    memory_format = candidate.memory_format(dimension)
    block = block.to(memory_format=memory_format)  # type: ignore[call-overload]
    with torch.inference_mode(), candidate.autocast(device):
        image = block(image.contiguous(memory_format=memory_format))  # gives the input in the format under test
        _wait_for(device)
        start = time.perf_counter()
        result = block(image)
        _wait_for(device)
        elapsed = time.perf_counter() - start
    if not torch.isfinite(result.float()).all():
        raise ValueError("not finite")
    return elapsed


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _stored_or_measured(device: torch.device, dimension: int, folder: Path) -> dict[str, float]:
    path = folder / f"convolutions-{_machine_key(device, dimension)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
        stored = {str(key): float(value) for key, value in read_json(path)["seconds"].items()}
        if "float32/contiguous" in stored:
            return stored
    seconds = measure_convolution_seconds(device, dimension)
    with contextlib.suppress(OSError):  # a read-only home folder only costs the next measurement
        folder.mkdir(parents=True, exist_ok=True)
        content = {"device": describe_device(device).title, "torch": torch.__version__, "seconds": seconds}
        write_json_atomically(path, content)
    return seconds


def _machine_key(device: torch.device, dimension: int) -> str:
    title = describe_device(device).title
    facts = (_MEASUREMENT_VERSION, title, torch.__version__, device.type, dimension)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
