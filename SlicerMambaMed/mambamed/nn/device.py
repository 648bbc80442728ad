"""The computing devices of this machine, in words, and the choice of one."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from mambamed.errors import DeviceUnavailableError

__all__ = ["DeviceDescription", "choose_device", "describe_device", "describe_devices"]


@dataclass(frozen=True)
class DeviceDescription:
    """One device: ``name`` as ``choose_device`` takes it, ``title`` for people, ``memory_bytes`` in all if known."""

    name: str
    title: str
    memory_bytes: int | None


def choose_device(name: str = "auto") -> torch.device:
    """Return the device to compute on.

    Args:
        name: ``"auto"`` (the first GPU, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.

    Raises:
        DeviceUnavailableError: The device does not exist on this machine, or there is no such name.
    """
    wanted = name.strip().lower()
    if wanted == "auto":
        return torch.device(describe_devices()[0].name)
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", wanted):
        raise DeviceUnavailableError(
            f"There is no device called {name!r}: expected auto, cpu, cuda, cuda:N or mps. {_what_is_here()}"
        )
    if wanted == "cuda":
        wanted = "cuda:0"
    if wanted not in [device.name for device in describe_devices()]:
        raise DeviceUnavailableError(f"The device {name} is not on this machine. {_what_is_here()}{_reason(wanted)}")
    return torch.device(wanted)


def describe_devices() -> list[DeviceDescription]:
    """Return the usable devices, best first; the CPU is always the last."""
    devices = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            devices.append(DeviceDescription(f"cuda:{index}", properties.name, int(properties.total_memory)))
    if torch.backends.mps.is_available():
        devices.append(DeviceDescription("mps", f"Apple GPU ({_processor_name()})", _main_memory_bytes()))
    threads = torch.get_num_threads()
    title = f"{_processor_name()}, {threads} thread{'s' if threads != 1 else ''}"
    devices.append(DeviceDescription("cpu", title, _main_memory_bytes()))
    return devices


def describe_device(device: torch.device) -> DeviceDescription:
    """Return the description of one device."""
    name = "cuda:0" if str(device) == "cuda" else str(device)
    for description in describe_devices():
        if description.name == name:
            return description
    return DeviceDescription(name, name, None)


def _what_is_here() -> str:
    return "This machine has: " + "; ".join(f"{device.name} ({device.title})" for device in describe_devices()) + "."


def _reason(name: str) -> str:
    """Say why a kind of device is missing altogether, where that can be known."""
    if name.startswith("cuda") and not torch.cuda.is_available():
        if torch.version.cuda is None and torch.version.hip is None:
            return " The installed PyTorch is a build without CUDA; install one with CUDA to use an NVIDIA GPU."
        return " PyTorch finds no usable CUDA driver or GPU."
    if name == "mps":
        return " It needs an Apple computer with its own GPU."
    return ""


def _processor_name() -> str:
    cpu_information = Path("/proc/cpuinfo")
    if cpu_information.is_file():
        for line in cpu_information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or "CPU"


def _main_memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
