"""Fixtures that give tests the host, and the runner that keeps each test file with the host in a process of its own.

MRML, VTK and Qt together can end a process at exit (or, after a mistake, at any time). So a file whose tests ask for
the host runs in a child process; its reports are replayed here as if the tests had run here, and the child ends with
``os._exit``. A child that dies is reported as failures of the tests it did not finish.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["slicer_host", "slicer_host_main_window"]

_CHILD = "SLICER_HOST_REPORTS"
_FIXTURES = {"slicer_host", "slicer_host_main_window"}
_finished: dict[str, dict[str, list[Any]]] = {}
_exit_status = 0


def _in_child() -> bool:
    return _CHILD in os.environ


# Fixtures ------------------------------------------------------------------------------------------------------------


def _run_with_host(main_window: bool) -> Iterator[Any]:
    from slicer_host.host import start

    host = start(main_window=main_window)
    host.reset()
    yield host
    try:
        host.check_no_errors()
    finally:
        host.reset()


@pytest.fixture
def slicer_host() -> Iterator[Any]:
    """The host without a main window; the test fails when a slot raised, a dialog waited or a signal was unknown."""
    yield from _run_with_host(main_window=False)


@pytest.fixture
def slicer_host_main_window() -> Iterator[Any]:
    """The host with a main window and views."""
    yield from _run_with_host(main_window=True)


# In the child --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: Any) -> None:
    """Write each report down for the parent."""
    if _in_child() and _plugin_config is not None:
        data = _plugin_config.hook.pytest_report_to_serializable(config=_plugin_config, report=report)
        with open(os.environ[_CHILD], "a") as stream:
            stream.write(json.dumps({"nodeid": report.nodeid, "report": data}, default=str) + "\n")


_plugin_config: Any = None


def pytest_configure(config: Any) -> None:
    """Remember the configuration, which turns reports into text and back."""
    global _plugin_config
    _plugin_config = config


def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    """Remember how the session ended."""
    global _exit_status
    _exit_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: Any) -> None:
    """End without the destructors of Qt, VTK and MRML, whose order the process can not choose."""
    if _in_child():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_status)


# In the parent -------------------------------------------------------------------------------------------------------


def _wants_host(item: Any) -> bool:
    return bool(_FIXTURES & set(getattr(item, "fixturenames", ())))


def _run_file(session: Any, path: Path) -> None:
    nodeids = [item.nodeid for item in session.items if item.path == path and _wants_host(item)]
    reports: dict[str, list[Any]] = {nodeid: [] for nodeid in nodeids}
    _finished[str(path)] = reports
    with tempfile.TemporaryDirectory(prefix="slicer-host-reports-") as folder:
        target = Path(folder) / "reports.jsonl"
        environment = {**os.environ, _CHILD: str(target), "QT_QPA_PLATFORM": "offscreen"}
        selected = [str(session.config.rootpath / nodeid) for nodeid in nodeids]
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command += [f"--rootdir={session.config.rootpath}", *selected]
        child = subprocess.run(
            command, env=environment, cwd=session.config.rootpath, capture_output=True, text=True, check=False
        )
        if target.exists():
            for line in target.read_text().splitlines():
                entry = json.loads(line)
                report = session.config.hook.pytest_report_from_serializable(
                    config=session.config, data=entry["report"]
                )
                reports.setdefault(entry["nodeid"], []).append(report)
    for nodeid, seen in reports.items():
        if not any(report.when == "teardown" for report in seen):
            text = f"the host's process ended ({child.returncode}) before this test did\n"
            seen.append(_failure(nodeid, text + child.stdout[-4000:] + child.stderr[-8000:]))


def _failure(nodeid: str, text: str) -> Any:
    return pytest.TestReport(nodeid, (nodeid, 0, nodeid), {}, "failed", text, "call", [], 0.0, 0.0, 0.0)


def pytest_runtest_protocol(item: Any, nextitem: Any) -> bool | None:
    """Run a file's host tests together in a child, then replay what it reported."""
    if _in_child() or not _wants_host(item):
        return None
    if str(item.path) not in _finished:
        _run_file(item.session, item.path)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _finished[str(item.path)][item.nodeid]:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
