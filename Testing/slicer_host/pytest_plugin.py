"""Fixtures that give tests the host, and the runner that keeps tests with the host in a process of their own.

MRML, VTK and Qt together can end a process at exit (or, after a mistake, at any time). So the tests of a folder that
ask for the host run in a child process; its reports are replayed here as if the tests had run here, and the child ends
with ``os._exit``. When a child dies, the test that it was running fails with its last words, and a new child goes on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["slicer_host", "slicer_host_main_window"]

_CHILD = "SLICER_HOST_REPORTS"
_FIXTURES = {"slicer_host", "slicer_host_main_window"}
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
    config.addinivalue_line("markers", "own_process: the stand-in host runs this test in a process of its own")


def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    """Remember how the session ended."""
    global _exit_status
    _exit_status = int(exitstatus)
    _stop_children()


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


class _Child:
    """A pytest process that runs some tests and whose reports are read while it runs."""

    def __init__(self, config: Any, nodeids: list[str]) -> None:
        self._config = config
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-host-reports-")
        self._reports_file = Path(self._folder.name) / "reports.jsonl"
        self._reports_file.touch()
        self._output_file = Path(self._folder.name) / "output.txt"
        self._read_to = 0
        self.reports: dict[str, list[Any]] = {nodeid: [] for nodeid in nodeids}
        environment = {**os.environ, _CHILD: str(self._reports_file), "QT_QPA_PLATFORM": "offscreen"}
        command = [sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
        command += ["-p", "no:xdist", f"--rootdir={config.rootpath}"]
        command += [str(config.rootpath / nodeid) for nodeid in nodeids]
        with self._output_file.open("w") as output:
            self._process = subprocess.Popen(
                command, env=environment, cwd=config.rootpath, stdout=output, stderr=subprocess.STDOUT
            )

    def _read(self) -> None:
        with self._reports_file.open() as stream:
            stream.seek(self._read_to)
            while True:
                line = stream.readline()
                if not line.endswith("\n"):
                    break
                self._read_to = stream.tell()
                entry = json.loads(line)
                hook = self._config.hook
                report = hook.pytest_report_from_serializable(config=self._config, data=entry["report"])
                if isinstance(report.longrepr, list):  # the place and reason of a skip, a tuple before it became JSON
                    report.longrepr = tuple(report.longrepr)
                self.reports.setdefault(entry["nodeid"], []).append(report)

    def _has_finished(self, nodeid: str) -> bool:
        return any(report.when == "teardown" for report in self.reports[nodeid])

    def wait_for(self, nodeid: str) -> bool:
        """Wait until a test has run; False when the process ended before."""
        while not self._has_finished(nodeid):
            ended = self._process.poll() is not None
            self._read()
            if ended and not self._has_finished(nodeid):
                text = f"the host's process ended ({self._process.returncode}) before this test did\n"
                self.reports[nodeid].append(
                    _failure(nodeid, text + self._output_file.read_text(encoding="utf-8")[-8000:])
                )
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def _failure(nodeid: str, text: str) -> Any:
    return pytest.TestReport(nodeid, (nodeid, 0, nodeid), {}, "failed", text, "call", [], 0.0, 0.0, 0.0)


_children: dict[str, _Child] = {}


def _group(item: Any) -> str:
    """Name the process that runs a test: one for a folder, or one for the test."""
    if item.get_closest_marker("own_process") is not None or hasattr(item.config, "workerinput"):
        return item.nodeid
    return str(item.path.parent)


def _child_for(item: Any) -> _Child:
    """Return the child that runs this test."""
    key = _group(item)
    child = _children.get(key)
    if child is None or item.nodeid not in child.reports:
        if child is not None:
            child.stop()
        same_group = [other for other in item.session.items if _wants_host(other) and _group(other) == key]
        remaining = same_group[same_group.index(item) :]
        child = _children[key] = _Child(item.config, [other.nodeid for other in remaining])
    return child


def pytest_runtest_protocol(item: Any, nextitem: Any) -> bool | None:
    """Let a child run the folder's host tests, and replay what it reports; after a crash go on with a new child."""
    if _in_child() or not _wants_host(item):
        return None
    child = _child_for(item)
    has_run = child.wait_for(item.nodeid)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in child.reports[item.nodeid]:
        item.ihook.pytest_runtest_logreport(report=report)
    # What an ordinary test before this one left set up (its module) is not needed any more by what comes next.
    item.session._setupstate.teardown_exact(nextitem)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    if not has_run or _group(item) == item.nodeid:
        _children.pop(_group(item)).stop()
    if nextitem is None or nextitem.path.parent != item.path.parent:
        _stop_children()
    return True


def _stop_children() -> None:
    for child in _children.values():
        child.stop()
    _children.clear()
