"""What this machine can do: packages, devices, scan backends with a measured speed, memory, folders."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mambamed.version import __version__

__all__ = ["PACKAGES", "Package", "examine_machine"]

SCAN_CHANNELS = 64
SCAN_STATE = 16
_LONGEST_MEASURED_SEQUENCE = 65536
_ENOUGH_S = 0.2
GIB = 1024**3


@dataclass(frozen=True)
class Package:
    """A package of the engine: its name on PyPI, the module to look for, what it is needed for."""

    name: str
    module: str
    purpose: str
    is_required: bool = True
    hint: str = ""
    is_for_cuda: bool = False


PACKAGES = (
    Package("torch", "torch", "networks"),
    Package("numpy", "numpy", "arrays"),
    Package("scipy", "scipy", "interpolation"),
    Package("SimpleITK", "SimpleITK", "reading and writing images"),
    Package("nnunetv2", "nnunetv2", "planning, preprocessing and training of segmentation"),
    Package("safetensors", "safetensors", "reading weights"),
    Package("numba", "numba", "the fast selective scan on the CPU"),
    Package("triton", "triton", "the fast selective scan on NVIDIA GPUs", False, "pip install triton (Linux)", True),
    Package("mamba-ssm", "mamba_ssm", "another scan kernel for NVIDIA GPUs", False, "pip install mamba-ssm", True),
    Package("nilearn", "nilearn", "`mambamed demo`: the example image", False),
    Package("matplotlib", "matplotlib", "`mambamed demo`: the picture", False),
    Package("slicer-core", "slicer_core", "`mambamed demo`: the Slicer scene", False, "pip install slicer-core"),
)


def examine_machine(measure_speed: bool = True) -> dict[str, Any]:
    """Examine this machine and return what was found as a JSON object.

    Keys: ``version``, ``problem`` (empty if the engine can work, else one sentence), ``missing`` (sentences on what is
    missing and how to get it), ``python``, ``platform``, ``cpu_count``, ``memory_bytes``, ``free_memory_bytes``,
    ``free_disk_bytes``, ``packages``, ``devices`` (best first: ``id``, ``name``, ``memory_bytes``,
    ``free_memory_bytes``, ``convolutions``: the number format and layout measured as the fastest) and
    ``scan_backends`` (best first: ``name``, ``usable``, ``devices``, ``reason``, ``state_updates_per_second`` by
    device).

    Args:
        measure_speed: run each usable backend for a moment, and convolutions unless their speed is known already.
    """
    packages = [_examine_package(package) for package in PACKAGES]
    missing_required = [entry["name"] for entry in packages if entry["required"] and entry["version"] is None]
    devices: list[dict[str, Any]] = []
    problem = ""
    if missing_required:
        problem = (
            f"The engine needs Python packages that are missing: {', '.join(missing_required)}; "
            f"install them with: {sys.executable} -m pip install {' '.join(missing_required)}"
        )
    else:
        try:
            devices = _examine_devices(measure_speed)
        except (ImportError, OSError) as error:  # a system library that torch needs, a broken installation
            problem = f"A Python package is installed but cannot be loaded ({error}); install it again."
    has_cuda = any(device["id"].startswith("cuda") for device in devices)
    report: dict[str, Any] = {
        "version": __version__,
        "problem": problem,
        "missing": [
            f"{entry['name']} ({entry['purpose']}): {entry['install']}"
            for entry, package in zip(packages, PACKAGES, strict=True)
            if entry["version"] is None and (has_cuda or not package.is_for_cuda)
        ],
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "cpu_count": _usable_cpu_count(),
        **_memory(),
        "free_disk_bytes": shutil.disk_usage(Path.cwd()).free,
        "packages": packages,
        "devices": devices,
        "scan_backends": [],
    }
    if devices:
        report["scan_backends"] = _examine_backends([device["id"] for device in devices], measure_speed)
    return report


def _examine_package(package: Package) -> dict[str, Any]:
    version = None
    if importlib.util.find_spec(package.module) is not None:
        try:
            version = metadata.version(package.name)
        except metadata.PackageNotFoundError:
            version = "unknown"
    return {
        "name": package.name,
        "version": version,
        "purpose": package.purpose,
        "required": package.is_required,
        "install": package.hint or f"pip install {package.name}",
    }


def _usable_cpu_count() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _memory() -> dict[str, int | None]:
    """Return all and free main memory in bytes; ``None`` where the system does not tell."""
    values: dict[str, int] = {}
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, amount = line.partition(":")
            values[name] = int(amount.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        values = {}
    return {"memory_bytes": values.get("MemTotal"), "free_memory_bytes": values.get("MemAvailable")}


def _examine_devices(measure_speed: bool) -> list[dict[str, Any]]:
    import torch

    from mambamed.nn.device import describe_devices
    from mambamed.nn.precision import choose_precision

    devices = []
    for device in describe_devices():
        free_bytes = _memory()["free_memory_bytes"]
        if device.name.startswith("cuda"):
            free_bytes = int(torch.cuda.mem_get_info(torch.device(device.name))[0])
        devices.append(
            {
                "id": device.name,
                "name": device.title,
                "memory_bytes": device.memory_bytes,
                "free_memory_bytes": free_bytes,
                "convolutions": choose_precision("auto", device.name).describe() if measure_speed else None,
            }
        )
    return devices


def _examine_backends(device_names: list[str], measure_speed: bool) -> list[dict[str, Any]]:
    from mambamed.scan.registry import availability

    kinds = list(dict.fromkeys(name.split(":")[0] for name in device_names))
    by_kind = {kind: availability(kind) for kind in kinds}
    entries = []
    for name, problem in availability().items():
        usable_kinds = [kind for kind in kinds if by_kind[kind][name] is None]
        reasons = [reason for kind in kinds if (reason := by_kind[kind][name]) is not None]
        entries.append(
            {
                "name": name,
                "usable": problem is None and bool(usable_kinds),
                "devices": usable_kinds,
                "reason": problem or (reasons[0] if not usable_kinds and reasons else ""),
                "state_updates_per_second": {kind: _measure_scan(name, kind) for kind in usable_kinds if measure_speed},
            }
        )
    return entries


def _measure_scan(backend: str, device: str) -> float | None:
    """Return the forward scan's state updates (channels x states x length) per second; ``None`` if it fails.

    The sequence is made longer until a run takes 0.2 s or 65536 steps are reached.
    """
    import torch

    from mambamed.scan import selective_scan

    generator = torch.Generator().manual_seed(0)
    length = 256
    try:
        while True:
            u, delta = (torch.randn(1, SCAN_CHANNELS, length, generator=generator).to(device) for _ in range(2))
            B, C = (torch.randn(1, SCAN_STATE, length, generator=generator).to(device) for _ in range(2))
            A = -torch.rand(SCAN_CHANNELS, SCAN_STATE, generator=generator).to(device)
            with torch.inference_mode():
                seconds = []
                for _ in range(3):  # the first one loads or compiles the kernel
                    start = time.perf_counter()
                    selective_scan(u, delta, A, B, C, delta_softplus=True, backend=backend)
                    if device == "cuda":
                        torch.cuda.synchronize()
                    seconds.append(time.perf_counter() - start)
            best = min(seconds)
            if best >= _ENOUGH_S or length >= _LONGEST_MEASURED_SEQUENCE:
                return SCAN_CHANNELS * SCAN_STATE * length / best
            length *= 4
    except RuntimeError:
        return None
