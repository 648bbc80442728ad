"""Which scan backends exist, which can be used here, and which is the best for a device."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch

from mambamed.errors import BadRequestError
from mambamed.errors import DeviceUnavailableError
from mambamed.scan.inputs import ScanInputs

__all__ = ["BACKEND_VARIABLE", "availability", "backends", "choose_backend", "load_scan"]

BACKEND_VARIABLE = "MAMBAMED_SCAN_BACKEND"
"""Environment variable that names the backend where the caller leaves it at ``auto``."""

ScanFunction = Callable[[ScanInputs], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class _Backend:
    """One backend: the module with ``scan(inputs)``, and what stands in the way of it."""

    module: str
    device_types: tuple[str, ...] | None
    machine_problem: Callable[[], str | None]
    dtypes: tuple[torch.dtype, ...] = (torch.float32, torch.float64)


def _no_problem() -> str | None:
    return None


@cache
def _missing(package: str) -> str | None:
    """Reason if a package is not installed."""
    try:
        found = importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        found = False
    return None if found else f"the package {package} is not installed"


def _numba_problem() -> str | None:
    """Numba compiles at first use, which must not happen in Slicer's own process."""
    if hasattr(sys.modules.get("slicer"), "app"):
        return "it compiles at first use, which is kept out of Slicer's own process; use the engine process"
    return _missing("numba")


@cache
def _gpu_problem() -> str | None:
    """PyTorch must see a CUDA GPU (or a ROCm one, which PyTorch also calls cuda)."""
    return None if torch.cuda.is_available() else "PyTorch sees no CUDA GPU"


def _triton_problem() -> str | None:
    """Triton compiles at first use, for a GPU, with the help of a C compiler; its interpreter needs neither."""
    if hasattr(sys.modules.get("slicer"), "app"):
        return "it compiles at first use, which is kept out of Slicer's own process; use the engine process"
    missing = _missing("triton")
    if missing or _triton_is_interpreted():
        return missing
    if not (problem := _gpu_problem()) and torch.version.hip is None and torch.cuda.get_device_capability() < (7, 0):
        return "Triton needs a GPU of compute capability 7.0 or higher"
    if problem:
        return problem
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "Triton needs a C compiler (gcc or clang) to load its kernels, and none was found"
    return None


@cache
def _mamba_ssm_problem() -> str | None:
    """The authors' package must import, its compiled extension included."""
    if (problem := _missing("mamba_ssm")) or (problem := _gpu_problem()):
        return problem
    try:
        importlib.import_module("mamba_ssm.ops.selective_scan_interface")
    except Exception as failure:  # A binary extension may fail in any way; the reason is told, not raised.
        return f"mamba_ssm cannot be imported ({type(failure).__name__}: {failure})"
    return None


def _triton_is_interpreted() -> bool:
    """Whether Triton runs its kernels in Python on the CPU, for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


# Best first: a backend earlier in this table is preferred where it can serve the device.
_BACKENDS: dict[str, _Backend] = {
    "mamba_ssm": _Backend("mambamed.scan.mamba_ssm_scan", ("cuda",), _mamba_ssm_problem, (torch.float32,)),
    "triton": _Backend("mambamed.scan.triton_scan", ("cuda",), _triton_problem),
    "numba": _Backend("mambamed.scan.numba_scan", ("cpu",), _numba_problem),
    "torch": _Backend("mambamed.scan.torch_scan", None, _no_problem),
    "reference": _Backend("mambamed.scan.reference", None, _no_problem),
}


def availability(device: torch.device | str | None = None, dtype: torch.dtype = torch.float32) -> dict[str, str | None]:
    """Every backend, best first, with None if it can be used or else the reason why not.

    Args:
        device: judge for tensors on this device; None asks whether the backend can be used on this machine at all.
        dtype: dtype of the computation, float32 or float64.
    """
    return {name: _problem(name, device, dtype) for name in _BACKENDS}


def backends() -> list[str]:
    """Names of the backends that can be used on this machine, best first."""
    return [name for name, problem in availability().items() if problem is None]


def choose_backend(device: torch.device | str, requested: str = "auto", dtype: torch.dtype = torch.float32) -> str:
    """Name of the backend that serves tensors on a device.

    Args:
        device: where the tensors are.
        requested: a backend's name, or ``auto``: then the environment variable ``MAMBAMED_SCAN_BACKEND`` decides if it
            is set, else the best usable backend.
        dtype: dtype of the computation, float32 or float64.

    Raises:
        BadRequestError: there is no backend of that name.
        DeviceUnavailableError: the named backend cannot be used here; the message says why.
    """
    origin = "the argument backend"
    if requested == "auto":
        requested = os.environ.get(BACKEND_VARIABLE, "").strip() or "auto"
        origin = BACKEND_VARIABLE
    if requested == "auto":
        return next(name for name in _automatic(device) if _problem(name, device, dtype) is None)
    if requested not in _BACKENDS:
        raise BadRequestError(
            f"There is no scan backend {requested!r} (from {origin}); choose auto or one of {', '.join(_BACKENDS)}."
        )
    problem = _problem(requested, device, dtype)
    if problem is not None:
        usable = [name for name, reason in availability(device, dtype).items() if reason is None]
        raise DeviceUnavailableError(
            f"The scan backend {requested!r} (from {origin}) cannot be used on {torch.device(device)}: {problem}. "
            f"Usable here: {', '.join(usable)}."
        )
    return requested


def load_scan(name: str) -> ScanFunction:
    """The function that runs a backend, its module imported at first use."""
    return importlib.import_module(_BACKENDS[name].module).scan


def _automatic(device: torch.device | str) -> list[str]:
    """Backends that ``auto`` considers, best first: Triton's interpreter is for tests and never chosen by itself."""
    on_cpu = torch.device(device).type == "cpu"
    return [name for name in _BACKENDS if not (on_cpu and name == "triton")]


def _problem(name: str, device: torch.device | str | None, dtype: torch.dtype) -> str | None:
    """Why a backend cannot be used, or None."""
    backend = _BACKENDS[name]
    if dtype not in backend.dtypes:
        return f"it does not compute in {dtype}"
    if device is not None and backend.device_types is not None:
        device_type = torch.device(device).type
        interpreted = name == "triton" and device_type == "cpu" and _triton_is_interpreted()
        if device_type not in backend.device_types and not interpreted:
            return f"it works on {' or '.join(backend.device_types)} tensors, not on {device_type}"
    return backend.machine_problem()
