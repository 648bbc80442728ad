"""SlicerMambaMedLib.EngineInterpreter."""

from __future__ import annotations

import os
import sys

import pytest
from SlicerMambaMedLib.EngineInterpreter import EngineInterpreter
from SlicerMambaMedLib.EngineInterpreter import engineParentFolder

STARTUP = {"PATH": "/usr/bin", "HOME": "/mine/home", "PYTHONPATH": "/mine", "PYTHONHOME": "/other"}
SLICER = {"PATH": "/slicer/bin:/usr/bin", "LD_LIBRARY_PATH": "/slicer/lib", "PYTHONPATH": "/slicer/modules"}


def test_the_bundled_engine_lies_where_the_environment_points():
    assert (engineParentFolder() / "mambamed" / "__main__.py").is_file()


def test_slicers_own_python_keeps_slicers_environment():
    environment = EngineInterpreter("/slicer/bin/PythonSlicer").environment(STARTUP, SLICER)
    assert environment["LD_LIBRARY_PATH"] == "/slicer/lib"
    assert environment["PYTHONPATH"] == os.pathsep.join([str(engineParentFolder()), "/slicer/modules"])
    assert environment["PYTHONNOUSERSITE"] == "1"


def test_a_foreign_python_gets_nothing_of_slicers_environment():
    environment = EngineInterpreter("/conda/bin/python", isForeign=True).environment(STARTUP, SLICER)
    assert "LD_LIBRARY_PATH" not in environment
    assert "PYTHONHOME" not in environment
    assert environment["PATH"] == "/usr/bin"
    assert environment["PYTHONPATH"] == str(engineParentFolder())


def test_the_callers_environments_are_not_changed():
    startup, current = dict(STARTUP), dict(SLICER)
    EngineInterpreter("python").environment(startup, current)
    EngineInterpreter("python", isForeign=True).environment(startup, current)
    assert (startup, current) == (STARTUP, SLICER)


def test_the_choice_of_the_user_comes_first():
    assert EngineInterpreter.fromSettings("/conda/bin/python") == EngineInterpreter("/conda/bin/python", True)


def test_slicers_python_is_found_beside_the_application(tmp_path, monkeypatch):
    program = tmp_path / "PythonSlicer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert EngineInterpreter.fromSettings("") == EngineInterpreter(str(program))


def test_says_what_to_do_when_there_is_no_python(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "SlicerApp-real"))
    with pytest.raises(RuntimeError, match="choose another Python interpreter"):
        EngineInterpreter.fromSettings("")
