"""Which scan backends exist, which can be used here, and which is the best for a device."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

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


def _no_problem() -> str | None:
    return None


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


# Best first: a backend earlier in this table is preferred where it can serve the device.
_BACKENDS: dict[str, _Backend] = {
    "numba": _Backend("mambamed.scan.numba_scan", ("cpu",), _numba_problem),
    "reference": _Backend("mambamed.scan.reference", None, _no_problem),
}


def availability(device: torch.device | str | None = None) -> dict[str, str | None]:
    """Every backend, best first, with None if it can be used or else the reason why not.

    Args:
        device: judge for tensors on this device; None asks whether the backend can be used on this machine at all.
    """
    return {name: _problem(name, device) for name in _BACKENDS}


def backends() -> list[str]:
    """Names of the backends that can be used on this machine, best first."""
    return [name for name, problem in availability().items() if problem is None]


def choose_backend(device: torch.device | str, requested: str = "auto") -> str:
    """Name of the backend that serves tensors on a device.

    Args:
        device: where the tensors are.
        requested: a backend's name, or ``auto``: then the environment variable ``MAMBAMED_SCAN_BACKEND`` decides if it
            is set, else the best usable backend.

    Raises:
        BadRequestError: there is no backend of that name.
        DeviceUnavailableError: the named backend cannot be used here; the message says why.
    """
    origin = "backend"
    if requested == "auto":
        requested = os.environ.get(BACKEND_VARIABLE, "").strip() or "auto"
        origin = BACKEND_VARIABLE
    if requested == "auto":
        return next(name for name, problem in availability(device).items() if problem is None)
    if requested not in _BACKENDS:
        raise BadRequestError(
            f"There is no scan backend {requested!r} (from {origin}); choose auto or one of {', '.join(_BACKENDS)}."
        )
    problem = _problem(requested, device)
    if problem is not None:
        usable = [name for name, reason in availability(device).items() if reason is None]
        raise DeviceUnavailableError(
            f"The scan backend {requested!r} (from {origin}) cannot be used on {torch.device(device)}: {problem}; "
            f"usable here: {', '.join(usable)}."
        )
    return requested


def load_scan(name: str) -> ScanFunction:
    """The function that runs a backend, its module imported at first use."""
    return importlib.import_module(_BACKENDS[name].module).scan


def _problem(name: str, device: torch.device | str | None) -> str | None:
    """Why a backend cannot be used, or None."""
    backend = _BACKENDS[name]
    if device is not None and backend.device_types is not None:
        device_type = torch.device(device).type
        if device_type not in backend.device_types:
            return f"it works on {' or '.join(backend.device_types)} tensors, not on {device_type}"
    return backend.machine_problem()
