"""Starts, follows, cancels and finds again the jobs of one Slicer session."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.EngineProcess import EngineProcess
from SlicerMambaMedLib.Job import Job
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.Text import tr as _

__all__ = ["JobRunner"]

_log = logging.getLogger("mambamed")


class JobRunner:
    """Jobs run in the warm engine, one after the other, or detached (they outlive Slicer) as processes of their own.

    Nothing here blocks: a timer polls the job directories. ``wait`` runs the event loop until a job has ended, for
    scripts; the same call that the panel uses is so usable without a window.

    Args:
        engine: the warm engine.
        settings: ``UserSettings`` (folder of the jobs, interpreter).
        timer: object with Qt's ``connect("timeout()", f)``, ``start(ms)``, ``stop()``; a QTimer if not given.
    """

    POLL_INTERVAL_MS = 150
    CANCEL_GRACE_S = 4.0
    REMOVAL_ATTEMPTS = 5

    def __init__(self, engine: EngineProcess, settings: Any, timer: Any = None) -> None:
        if timer is None:
            import qt

            timer = qt.QTimer()
        self.jobsChanged = Signal()
        self._engine = engine
        self._settings = settings
        self._jobs: list[Job] = []
        self._warmJobs: list[Job] = []
        self._sentAgain: set[Path] = set()
        self._timer = timer
        self._timer.connect("timeout()", self.poll)
        engine.stopped.connect(self._onEngineStopped)
        engine.jobStarted.connect(self._onJobStarted)

    @property
    def jobs(self) -> list[Job]:
        """The jobs that have not ended yet."""
        return list(self._jobs)

    def newJobFolder(self, task: str) -> Path:
        """Create and return an empty folder, readable by this user alone, for a new job and its input files."""
        name = f"{task}-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        folder = Path(self._settings.jobsFolder) / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        return folder

    def start(self, request: Any, folder: Path) -> Job:
        """Run a ``JobRequest`` in the warm engine; returns at once."""
        from mambamed.jobs.directory import JobDirectory

        directory = JobDirectory(folder).create(request)
        job = self._follow(Job(directory, self._cancelWarm))
        self._warmJobs.append(job)
        self._engine.run(job.path)
        return job

    def startDetached(self, request: Any, folder: Path) -> Job:
        """Run a ``JobRequest`` in a process of its own that goes on when Slicer is closed (training)."""
        from mambamed.jobs.directory import JobDirectory

        return self._startDetached(JobDirectory(folder).create(request))

    def resumeDetached(self, folder: Path) -> Job:
        """Let a job that was cancelled or has failed go on in a process of its own.

        Raises:
            ValueError: it runs, or is done.
        """
        from mambamed.jobs.directory import JobDirectory

        directory = JobDirectory(folder)
        directory.reopen()
        return self._startDetached(directory)

    def _startDetached(self, directory: Any) -> Job:
        from mambamed.jobs.launch import start_detached_job

        from SlicerMambaMedLib.EngineInterpreter import EngineInterpreter

        interpreter = EngineInterpreter.fromSettings(self._settings.interpreter)
        environment = interpreter.environment(slicer.util.startupEnvironment(), os.environ)
        start_detached_job(directory, python=interpreter.program, environment=environment)
        return self._follow(Job(directory, self._cancelDetached))

    def attach(self, folder: Path) -> Job:
        """Follow a job that another process runs, for instance one started before Slicer was closed and re-opened."""
        from mambamed.jobs.directory import JobDirectory

        for job in self._jobs:
            if job.path == Path(folder):
                return job
        return self._follow(Job(JobDirectory(folder), self._cancelDetached))

    def unattachedFolders(self, task: str) -> list[Path]:
        """Return the folders of running jobs of this task that this session does not follow yet."""
        from mambamed.jobs.directory import JobDirectory
        from mambamed.jobs.request import JobRequest
        from mambamed.jobs.states import JobState

        known = {job.path for job in self._jobs}
        found = []
        for requestFile in sorted(Path(self._settings.jobsFolder).glob("*/request.json")):
            folder = requestFile.parent
            if folder in known:
                continue
            with contextlib.suppress(Exception):
                if JobRequest.read(folder).task == task and JobDirectory(folder).state() is JobState.RUNNING:
                    found.append(folder)
        return found

    def wait(self, job: Job) -> None:
        """Keep the application alive until the job has ended."""
        while not job.isFinished:
            slicer.app.processEvents()
            time.sleep(0.01)
            self.poll()

    def poll(self) -> None:
        """Read what is new of every job and stop by force those that do not follow a request to cancel."""
        for job in list(self._jobs):
            try:
                job.poll()
            except Exception as error:
                _log.exception("The job directory %s cannot be followed", job.path)
                job.fail(_("The job directory cannot be read: {reason}").format(reason=error))
            overdue = job.cancelledAt is not None and time.monotonic() - job.cancelledAt > self.CANCEL_GRACE_S
            if overdue and not job.isFinished:
                self._cancelByForce(job)

    def shutdown(self, waitMilliseconds: int = 2000) -> None:
        """End the warm engine and the jobs in it; detached jobs go on. For the end of the application."""
        for job in list(self._warmJobs):
            job.cancel()
        self._engine.shutdown(waitMilliseconds)
        self.poll()
        self._timer.stop()

    def removeFolder(self, job: Job) -> None:
        """Delete the directory of a job that has ended (it holds a copy of the image), unless the user keeps them."""
        if not job.isFinished or self._settings.keepJobFolders:
            return
        for _attempt in range(self.REMOVAL_ATTEMPTS):  # a process that is about to end may still write into it
            shutil.rmtree(job.path, ignore_errors=True)
            if not job.path.exists():
                return
        _log.warning("The job directory %s could not be removed; it holds a copy of the image.", job.path)

    def _follow(self, job: Job) -> Job:
        self._jobs.append(job)
        job.finished.connect(lambda state: self._forget(job))
        self._timer.start(self.POLL_INTERVAL_MS)
        self.jobsChanged.emit()
        return job

    def _forget(self, job: Job) -> None:
        self._jobs = [other for other in self._jobs if other is not job]
        self._warmJobs = [other for other in self._warmJobs if other is not job]
        if not self._jobs:
            self._timer.stop()
        self.jobsChanged.emit()

    def _cancelWarm(self, job: Job) -> None:
        if self._engine.isRunning:
            self._engine.cancel(job.path)
        else:
            job.directory.mark_cancelled()

    def _cancelDetached(self, job: Job) -> None:
        job.directory.request_cancel()

    def _cancelByForce(self, job: Job) -> None:
        job.directory.enforce_cancel()
        job.poll()

    def _onJobStarted(self, directory: str) -> None:
        for job in self._warmJobs:
            if job.path == Path(directory):
                job.hasStarted = True

    def _onEngineStopped(self, wasReady: bool, exitCode: int, errorLines: list[str]) -> None:
        """End the jobs of an engine that is gone; those that it had not begun get a new engine, once."""
        details = "\n".join(errorLines)
        for job in list(self._warmJobs):
            job.poll()
            if job.isFinished:
                continue
            if job.cancelledAt is not None:
                job.directory.mark_cancelled()
                job.poll()
            elif job.hasStarted:
                job.fail(_("The engine process ended unexpectedly (it was killed, or memory ran out)."), details)
            elif wasReady and job.path not in self._sentAgain:
                self._sentAgain.add(job.path)
                self._engine.run(job.path)
            else:
                job.fail(self._startFailure(exitCode, errorLines), details)

    @staticmethod
    def _startFailure(exitCode: int, errorLines: list[str]) -> str:
        """Return one sentence that says why the engine did not come up."""
        lastLine = next((line.strip() for line in reversed(errorLines) if line.strip()), f"exit code {exitCode}")
        if lastLine.startswith(("ModuleNotFoundError", "ImportError")):
            text = _("The engine cannot start because a Python package is missing ({cause}). Install the packages.")
            return text.format(cause=lastLine)
        return _("The engine could not be started ({cause}).").format(cause=lastLine)
