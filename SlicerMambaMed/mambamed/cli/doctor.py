"""``mambamed doctor``: what this machine can do, what is missing and how to get it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from mambamed.jobs.states import ExitCode

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed doctor``."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--no-speed", action="store_true", help="do not measure the scan backends")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Examine and report; the exit code is 0 if the engine can work."""
    from mambamed.cli.machine import examine_machine

    report = examine_machine(measure_speed=not arguments.no_speed)
    print(json.dumps(report) if arguments.json else _text(report))
    return ExitCode.FAILED if report["problem"] else ExitCode.DONE


def _text(report: dict[str, Any]) -> str:
    from mambamed.cli.tables import format_table

    lines = [
        f"MambaMed {report['version']}, Python {report['python']['version']} ({report['python']['executable']})",
        f"{report['platform']}, {report['cpu_count']} CPU cores, memory {_gigabytes(report['memory_bytes'])} "
        f"({_gigabytes(report['free_memory_bytes'])} free), disk {_gigabytes(report['free_disk_bytes'])} free",
    ]
    if report["devices"]:
        lines += ["", "Devices, best first:"]
        rows = [
            (
                device["id"],
                device["name"],
                _gigabytes(device["memory_bytes"]),
                _gigabytes(device["free_memory_bytes"]),
                device["convolutions"] or "not measured",
            )
            for device in report["devices"]
        ]
        lines.append(format_table(("Name", "Device", "Memory", "Free", "Fastest"), rows))
    if report["scan_backends"]:
        lines += ["", "Selective scan backends, best first (64 channels, 16 states, forward):"]
        rows_of_backends = []
        for backend in report["scan_backends"]:
            speeds = [
                f"{kind} {speed / 1e6:,.0f} million state updates/s" if speed else f"{kind} failed"
                for kind, speed in backend["state_updates_per_second"].items()
            ]
            state = ", ".join(speeds) or ", ".join(backend["devices"]) if backend["usable"] else backend["reason"]
            rows_of_backends.append((backend["name"], "yes" if backend["usable"] else "no", state))
        lines.append(format_table(("Name", "Usable", "Speed or reason"), rows_of_backends))
    lines += ["", "Packages:"]
    packages = [(entry["name"], entry["version"] or "missing", entry["purpose"]) for entry in report["packages"]]
    lines.append(format_table(("Name", "Version", "Needed for"), packages))
    if report["missing"]:
        lines += ["", "Missing, and how to get it:"] + [f"  {sentence}" for sentence in report["missing"]]
    lines += ["", report["problem"] or "The engine can work."]
    return "\n".join(lines)


def _gigabytes(byte_count: int | None) -> str:
    return "unknown" if byte_count is None else f"{byte_count / 1024**3:.1f} GiB"
