from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import check_system


def test_missing_libraries_are_named_in_one_line_with_their_packages(monkeypatch):
    monkeypatch.setitem(check_system.LIBRARIES, "test", {"libnot-there.so.1": "libnot1", "libnor-this.so.2": "libnot1"})
    missing = check_system.missing_packages("test")
    assert missing == {"libnot-there.so.1": "libnot1", "libnor-this.so.2": "libnot1"}
    line = check_system.message("test", missing)
    assert line == "make test lacks libnot-there.so.1, libnor-this.so.2; install with: apt install libnot1"


def test_this_machine_can_run_the_tests_and_the_demo():
    script = Path(check_system.__file__)
    for target in ("demo", "test"):
        finished = subprocess.run([sys.executable, str(script), target], capture_output=True, text=True, check=False)
        assert (finished.returncode, finished.stderr) == (0, "")


def test_missing_renderer_and_font_are_named(monkeypatch):
    monkeypatch.setattr(check_system, "RENDERER_PATTERNS", ("no-such-renderer-*.so",))
    monkeypatch.setattr(check_system, "FONT_FOLDERS", ("/no/such/folder",))
    missing = check_system.missing_packages("test")
    assert missing == {"Mesa's software renderer": "libgl1-mesa-dri", "a TrueType font": "fonts-dejavu-core"}
    assert check_system.missing_packages("demo") == {}
