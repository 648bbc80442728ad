"""``mambamed bench``: measure how fast this machine is, as tables on the screen and JSON and Markdown files.

A benchmark is a function ``run(say) -> dict``. ``say(text)`` tells the user what is being measured. The result has
``title``, ``tables`` (each with ``title``, ``columns`` and ``rows``) and optionally ``notes`` (sentences that a reader
of the tables must know) and ``data`` (anything else for programs).
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mambamed.jobs.states import ExitCode

__all__ = ["BENCHMARKS", "add_arguments", "run"]

BENCHMARKS = {
    "scan": "mambamed.scan.benchmark:run",
    "segmentation": "mambamed.segmentation.benchmark:run",
    "registration": "mambamed.registration.benchmark:run",
    "registration-networks": "mambamed.registration.networks.benchmark:run",
    "detect": "mambamed.detection.inference_benchmark:run",
    "detection": "mambamed.detection.benchmark:run",
    "engine": "mambamed.cli.bench_engine:run",
}
"""Name of a benchmark to its ``module:function``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed bench``."""
    parser.add_argument("name", nargs="*", help=f"what to measure: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("mambamed-bench"), help="folder for the files (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Run the chosen benchmarks one after the other and write ``<name>.json`` and ``<name>.md``."""
    from mambamed.errors import BadRequestError
    from mambamed.jobs.files import jsonable
    from mambamed.jobs.files import write_json_atomically
    from mambamed.jobs.files import write_text_atomically

    names = arguments.name or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise BadRequestError(f"There is no benchmark {', '.join(unknown)}; choose of: {', '.join(BENCHMARKS)}.")
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in names:
        result = _measure(name, quiet=arguments.json)
        results[name] = jsonable(result)
        text = _markdown(result)
        write_json_atomically(arguments.output / f"{name}.json", result)
        write_text_atomically(arguments.output / f"{name}.md", text)
        if not arguments.json:
            print(_plain(result))
            print(f"\nWritten: {arguments.output / name}.json, {arguments.output / name}.md\n")
    if arguments.json:
        print(json.dumps(results))
    return ExitCode.DONE


def _measure(name: str, quiet: bool) -> dict[str, Any]:
    def say(text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr, flush=True)

    module_name, _, function_name = BENCHMARKS[name].partition(":")
    function: Callable[[Callable[[str], None]], dict[str, Any]]
    function = getattr(importlib.import_module(module_name), function_name)
    started = time.time()
    say(f"Measuring: {name}")
    result = function(say)
    return {
        "name": name,
        "command": f"mambamed bench {name}",
        "date": time.strftime("%Y-%m-%d", time.gmtime(started)),
        "duration_s": time.time() - started,
        "machine": _machine(),
        **result,
    }


def _machine() -> dict[str, Any]:
    from mambamed.jobs.record import package_versions
    from mambamed.nn.device import describe_devices

    return {
        "devices": [{"id": device.name, "name": device.title} for device in describe_devices()],
        "versions": package_versions(),
    }


def _plain(result: dict[str, Any]) -> str:
    from mambamed.cli.tables import format_table

    parts = [result["title"]]
    for table in result["tables"]:
        parts += ["", table["title"], format_table(table["columns"], table["rows"])]
    parts += [f"Note: {note}" for note in result.get("notes", [])]
    return "\n".join(parts)


def _markdown(result: dict[str, Any]) -> str:
    machine = result["machine"]
    devices = "; ".join(device["name"] for device in machine["devices"])
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [f"# {result['title']}", "", f"`{result['command']}`, {result['date']}, on {devices}; {versions}."]
    for table in result["tables"]:
        columns = table["columns"]
        parts += ["", f"**{table['title']}**", "", _row(columns), _row(["---"] * len(columns))]
        parts += [_row(row) for row in table["rows"]]
    if result.get("notes"):
        parts += ["", *[f"- {note}" for note in result["notes"]]]
    return "\n".join(parts) + "\n"


def _row(cells: list[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
