"""What this computer can do, as ``mambamed doctor --json`` reports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Device", "EngineInformation"]


@dataclass(frozen=True)
class Device:
    """A computing device.

    Attributes:
        identifier: what a request names it, for example ``cpu`` or ``cuda:0``.
        name: its name in words.
        memoryBytes: its memory, or None when unknown.
        freeMemoryBytes: how much of it is free now, or None when unknown.
        scanBackends: usable backends of the selective scan on it, best first.
    """

    identifier: str
    name: str
    memoryBytes: int | None = None
    freeMemoryBytes: int | None = None
    scanBackends: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name with the memory, for a list."""
        if self.memoryBytes:
            return f"{self.name} ({self.memoryBytes / 2**30:.0f} GB)"
        return self.name


@dataclass(frozen=True)
class EngineInformation:
    """Outcome of a check of the engine.

    Attributes:
        problem: empty when the engine can work, else one sentence.
        version: the engine's version.
        devices: usable devices, best first.
        missing: what is missing and how to get it, one sentence each; the engine may still work.
    """

    problem: str
    version: str = ""
    devices: tuple[Device, ...] = ()
    missing: tuple[str, ...] = ()

    def device(self, identifier: str) -> Device | None:
        """Return the device with this identifier; for ``auto`` the best one."""
        if identifier in ("auto", ""):
            return self.devices[0] if self.devices else None
        return next((device for device in self.devices if device.identifier == identifier), None)

    @classmethod
    def fromDoctor(cls, report: dict[str, Any]) -> EngineInformation:
        """Read the report of ``mambamed doctor --json``."""
        devices = []
        for entry in report.get("devices", []):
            devices.append(
                Device(
                    identifier=str(entry["id"]),
                    name=str(entry.get("name") or entry["id"]),
                    memoryBytes=entry.get("memory_bytes"),
                    freeMemoryBytes=entry.get("free_memory_bytes"),
                    scanBackends=tuple(_usableBackends(report, str(entry["id"]))),
                )
            )
        return cls(
            problem=str(report.get("problem") or ""),
            version=str(report.get("version") or ""),
            devices=tuple(devices),
            missing=tuple(str(text) for text in report.get("missing", [])),
        )


def _usableBackends(report: dict[str, Any], device: str) -> Sequence[str]:
    kind = device.split(":")[0]
    return [
        str(backend["name"])
        for backend in report.get("scan_backends", [])
        if backend.get("usable", True) and kind in backend.get("devices", [kind])
    ]
