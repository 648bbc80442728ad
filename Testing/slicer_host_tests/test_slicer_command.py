"""The stand-in for the ``Slicer`` command: arguments, modules, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def run(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "slicer_host.slicer_command", "--no-splash", "--no-main-window", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("code", "extra", "expected"),
    [
        ("import sys; sys.exit(3)", [], 3),
        ("import slicer; slicer.util.exit(4)", [], 4),
        ("1 / 0", [], 97),
        ("1 / 0", ["--testing"], 1),
        ("pass", ["--testing"], 0),
    ],
)
def test_exit_codes(code, extra, expected):
    ended = run(*extra, "--python-code", code)
    assert ended.returncode == expected, ended.stderr


def test_a_script_gets_its_arguments_and_the_module(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, slicer\n"
        "from HostSample import HostSampleLogic\n"
        "assert slicer.app.layoutManager() is None\n"
        "assert not hasattr(slicer.modules, 'HostSampleWidget')\n"
        "print(sys.argv[1:], slicer.modules.hostsample.title, HostSampleLogic().getParameterNode().iterations)\n"
        "slicer.util.exit(0)\n"
    )
    modules = ["--additional-module-paths", str(HERE / "sample")]
    ended = run(*modules, "--python-script", str(script), "--input", "folder", "x")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip().splitlines()[-1] == "['--input', 'folder', 'x'] Host Sample 3"
