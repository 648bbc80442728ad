"""Registration: similarity measures, DISA descriptors, linear and deformable estimation, one-pass networks.

Importing this package imports nothing heavy; its sub-packages and functions are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.registration.registration import register
    from mambamed.registration.registration import register_pair
    from mambamed.registration.result import RegistrationResult
    from mambamed.registration.settings import RegistrationSettings

__all__ = [
    "RegistrationResult",
    "RegistrationSettings",
    "disa",
    "layers",
    "networks",
    "register",
    "register_pair",
    "similarity",
]

_PACKAGES = ("disa", "layers", "networks", "similarity")
_HOMES = {
    "RegistrationResult": "result",
    "RegistrationSettings": "settings",
    "register": "registration",
    "register_pair": "registration",
}


def __getattr__(name: str) -> Any:
    """Import a sub-package, or what a name stands for, when it is first asked for."""
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
