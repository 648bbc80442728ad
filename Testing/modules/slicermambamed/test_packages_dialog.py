"""Missing packages as the user meets them: status line, one question, declined and accepted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from extension.cmake_lists import REPOSITORY


@pytest.fixture
def module(slicer_host, monkeypatch, tmp_path):
    import slicer.packaging

    present = set()
    monkeypatch.setattr(slicer.packaging, "pip_check", lambda requirement: "numba" not in requirement or bool(present))
    installed = []

    def install(arguments, **keywords):
        installed.append(arguments)
        present.add("numba")

    monkeypatch.setattr(slicer.packaging, "pip_install", install)
    loaded = slicer_host.load(REPOSITORY / "SlicerMambaMed" / "SlicerMambaMed.py")
    session = loaded.logic.segmentation.session
    session.settings.jobsFolder = tmp_path
    session.doctor.forget()
    loaded.installed = installed
    return loaded


def test_loading_and_showing_the_module_asks_nothing(slicer_host, module):
    assert slicer_host.messages == []
    line = module.widget.panel.status.line
    assert line.text == "The engine needs Python packages that are missing: numba."
    assert line.ui.mendButton.visible
    assert line.ui.mendButton.text == "Install..."


def test_declining_starts_nothing_and_says_so(slicer_host, module):
    import qt
    import slicer
    from SlicerMambaMedLib.SelfTest import addPhantomHead

    volume = addPhantomHead(slicer.mrmlScene, spacingMm=(9.0, 9.0, 9.0))
    panel = module.widget.panel
    slicer_host.answer(qt.QMessageBox.Cancel)
    request = SimpleNamespace(inputs=(volume,))
    panel._start(request)
    (dialog,) = slicer_host.messages
    assert "numba==0.68.1  (3.9 MB)" in dialog.details
    assert "Packages that Slicer brings itself are not changed" in dialog.text
    assert module.installed == []
    assert not panel.jobPanel.isBusy
    assert "Nothing was started" in panel.jobPanel.message
    assert "missing: numba" in panel.status.line.text
    slicer_host.messages.clear()


def test_accepting_installs_and_examines_the_engine(slicer_host, module):
    import qt

    slicer_host.answer(qt.QMessageBox.Ok)
    module.click("mendButton")
    assert module.installed == [["--no-deps", "numba==0.68.1"]]
    line = module.widget.panel.status.line
    assert "numba" not in line.text
    slicer_host.waitUntil(lambda: "Engine ready" in line.text, 120)
    slicer_host.messages.clear()
