"""The rows "Processes, timers, parameter node" of the observed behaviour of PythonQt."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def host(slicer_host):
    return slicer_host


def started(program, *arguments):
    import qt

    process = qt.QProcess()
    process.setProcessChannelMode(qt.QProcess.SeparateChannels)
    process.start(program, list(arguments))
    return process


def test_finished_gives_plain_integers(host):
    import qt

    seen = []
    process = qt.QProcess()
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: seen.append((code, status)))
    process.start(sys.executable, ["-c", "raise SystemExit(3)"])
    assert process.state() != qt.QProcess.NotRunning
    host.waitUntil(lambda: seen, 20)
    assert seen == [(3, 0)]
    assert process.exitCode() == 3
    assert process.state() == qt.QProcess.NotRunning
    assert process.processId() == 0


def test_output_comes_in_a_byte_array(host):
    import qt

    received = []
    process = qt.QProcess()
    process.connect("readyReadStandardOutput()", lambda: received.append(bytes(process.readAllStandardOutput().data())))
    process.start(sys.executable, ["-c", "print('one'); print('two')"])
    assert process.waitForStarted(10000) is True
    host.waitUntil(lambda: process.state() == qt.QProcess.NotRunning, 20)
    assert b"".join(received) == b"one\ntwo\n"


def test_a_missing_program(host):
    import qt

    seen = []
    process = qt.QProcess()
    process.connect("errorOccurred(QProcess::ProcessError)", seen.append)
    process.start("no-such-program-anywhere", [])
    assert process.error() == qt.QProcess.UnknownError == 5
    host.waitUntil(lambda: seen, 5)
    assert seen == [0]
    assert qt.QProcess.FailedToStart == 0


def test_writing_bytes_and_text():
    process = started(sys.executable, "-c", "import sys; sys.stdout.write(sys.stdin.read())")
    assert process.waitForStarted(10000)
    process.write(b"bytes ")
    process.write("and text")
    assert process.waitForBytesWritten(5000) is True
    process.closeWriteChannel()
    assert process.waitForFinished(10000) is True
    assert bytes(process.readAllStandardOutput().data()) == b"bytes and text"


def test_kill(host):
    import qt

    process = started(sys.executable, "-c", "import time; time.sleep(60)")
    assert process.waitForStarted(10000)
    assert process.processId() > 0
    process.kill()
    host.waitUntil(lambda: process.state() == qt.QProcess.NotRunning, 10)


def test_start_detached():
    import qt

    assert qt.QProcess.startDetached(sys.executable, ["-c", "pass"]) is True


def test_environment():
    import qt
    import slicer

    environment = qt.QProcessEnvironment.systemEnvironment()
    environment.insert("HOST_TEST", "value")
    assert environment.value("HOST_TEST") == "value"
    process = qt.QProcess()
    process.setProcessEnvironment(environment)
    process.start(sys.executable, ["-c", "import os; print(os.environ['HOST_TEST'])"])
    process.waitForFinished(10000)
    assert bytes(process.readAllStandardOutput().data()) == b"value\n"
    assert isinstance(slicer.util.startupEnvironment(), dict)
    assert slicer.util.startupEnvironment()["PATH"]


def test_timer_fires_only_in_the_event_loop(host):
    import qt

    ticks = []
    timer = qt.QTimer()
    timer.setInterval(1)
    assert timer.connect("timeout()", lambda: ticks.append(1))
    timer.start()
    assert ticks == []
    host.waitUntil(lambda: len(ticks) > 2, 5)
    timer.stop()
    timer.singleShot = True
    assert timer.active is False


def test_file_system_watcher(tmp_path, host):
    import qt

    watcher = qt.QFileSystemWatcher()
    seen = []
    watcher.connect("directoryChanged(QString)", seen.append)
    assert watcher.addPath(str(tmp_path)) is True
    (tmp_path / "new").write_text("x")
    host.waitUntil(lambda: seen, 10)
    assert seen[0] == str(tmp_path)


def test_packaging_checks():
    import slicer.packaging

    assert slicer.packaging.pip_check("numpy>=1.20") is True
    assert slicer.packaging.pip_check("numpy>=999") is False
    assert slicer.packaging.pip_check("surely-not-installed-here") is False


def test_packages_are_asked_for_and_never_installed(host):
    import qt
    import slicer.packaging

    host.answer(int(qt.QMessageBox.Cancel))
    with pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure("surely-not-installed-here", requester="Test")
    assert "Test needs these Python packages: surely-not-installed-here" in host.messages[0].text
    assert slicer.packaging.requests_made == []
    host.answer(int(qt.QMessageBox.Ok))
    slicer.packaging.pip_ensure("surely-not-installed-here")
    assert slicer.packaging.requests_made[0]["requirements"] == ["surely-not-installed-here"]


def test_progress_bar_text_browser_and_collapsible_button():
    import ctk
    import qt

    bar = qt.QProgressBar()
    bar.setRange(0, 0)
    assert (bar.minimum, bar.maximum) == (0, 0)
    bar.format = "%p% of the work"
    assert bar.format == "%p% of the work"
    browser = qt.QTextBrowser()
    browser.html = "<b>bold</b>"
    browser.openExternalLinks = True
    assert "bold" in browser.html
    assert browser.openExternalLinks is True
    edit = qt.QPlainTextEdit()
    edit.appendHtml("<i>line</i>")
    assert edit.plainText == "line"
    button = ctk.ctkCollapsibleButton()
    seen = []
    button.connect("contentsCollapsed(bool)", seen.append)
    button.collapsed = True
    assert seen == [True]
