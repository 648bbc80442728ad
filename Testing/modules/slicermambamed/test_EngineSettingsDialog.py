"""SlicerMambaMedLib.EngineSettingsDialog: another interpreter is checked before it is accepted."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
from modules.slicermambamed.doubles import FakeProcess
from modules.slicermambamed.doubles import FakeStore

REPORT = {
    "version": "0.1.0",
    "problem": "",
    "missing": ["mamba-ssm (another scan kernel): pip install mamba-ssm"],
    "devices": [{"id": "cuda:0", "name": "H200", "memory_bytes": 150 * 2**30, "free_memory_bytes": 2**30}],
    "scan_backends": [{"name": "triton", "usable": True, "devices": ["cuda"]}],
}


@pytest.fixture
def bench(slicer_host, tmp_path):
    from SlicerMambaMedLib.EngineSettingsDialog import EngineSettingsDialog
    from SlicerMambaMedLib.UserSettings import UserSettings

    settings = UserSettings(FakeStore())
    accepted = []
    session = SimpleNamespace(
        settings=settings, runner=SimpleNamespace(jobs=[]), setInterpreter=lambda program: accepted.append(program)
    )
    processes = []

    def make(interpreter):
        processes.append((interpreter, FakeProcess()))
        return processes[-1][1]

    dialog = EngineSettingsDialog(session, make)
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\n")
    return SimpleNamespace(
        dialog=dialog, session=session, settings=settings, accepted=accepted, processes=processes, program=str(program)
    )


def _check(bench, program):
    bench.dialog.ui.interpreterPathEdit.currentPath = program
    bench.dialog.ui.checkButton.click()
    return bench.dialog.ui.reportText.plainText


def test_an_interpreter_that_can_do_the_work_is_accepted(bench):
    assert _check(bench, bench.program) == "Checking..."
    interpreter, process = bench.processes[-1]
    assert interpreter.isForeign
    assert process.arguments[:4] == ["-m", "mambamed", "doctor", "--json"]
    assert not bench.dialog.ui.checkButton.enabled
    process.lineReceived.emit(json.dumps(REPORT))
    process.end(0)
    assert bench.accepted == [bench.program]
    text = bench.dialog.ui.reportText.plainText
    assert text.startswith("Accepted")
    assert "H200 (150 GB): triton" in text
    assert "mamba-ssm" in text


@pytest.mark.parametrize(
    ("line", "errorLine", "cause"),
    [
        (json.dumps({**REPORT, "problem": "torch is missing."}), "", "torch is missing."),
        ("", "/usr/bin/python: No module named mambamed", "lacks a package"),
        ("", "The program could not be started: /x", "could not be started"),
    ],
)
def test_one_that_cannot_is_refused_with_the_reason(bench, line, errorLine, cause):
    _check(bench, bench.program)
    process = bench.processes[-1][1]
    if line:
        process.lineReceived.emit(line)
    process.end(1, errorLine)
    assert bench.accepted == []
    assert bench.dialog.ui.reportText.plainText.startswith("Not accepted.")
    assert cause in bench.dialog.ui.reportText.plainText
    assert bench.dialog.ui.checkButton.enabled


def test_a_path_that_is_no_file_and_a_running_job_are_answered_at_once(bench):
    assert "There is no file" in _check(bench, bench.program + "3")
    bench.session.runner.jobs.append(object())
    assert "A job is running" in _check(bench, bench.program)
    assert bench.processes == []


def test_the_other_settings_are_kept(bench, tmp_path):
    bench.dialog.ui.wheelFolderEdit.currentPath = str(tmp_path)
    bench.dialog.ui.keepCheckBox.checked = True
    assert bench.settings.wheelFolder == str(tmp_path)
    assert bench.settings.keepJobFolders


def test_a_real_interpreter_is_examined_and_used(slicer_host):
    from SlicerMambaMedLib.EngineSettingsDialog import EngineSettingsDialog
    from SlicerMambaMedLib.Session import Session
    from SlicerMambaMedLib.UserSettings import UserSettings

    session = Session(UserSettings(FakeStore()))
    dialog = EngineSettingsDialog(session)
    dialog.ui.interpreterPathEdit.currentPath = sys.executable
    dialog.ui.checkButton.click()
    slicer_host.waitUntil(lambda: "Checking" not in dialog.ui.reportText.plainText, 120)
    assert dialog.ui.reportText.plainText.startswith("Accepted"), dialog.ui.reportText.plainText
    assert session.interpreter().program == sys.executable
    assert session.interpreter().isForeign
    assert session.missingPackages() == []
