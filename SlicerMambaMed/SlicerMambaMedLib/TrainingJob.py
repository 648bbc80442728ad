"""A training as the panel follows it: its curves, a stop at a safe point, and how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from SlicerMambaMedLib.Job import Job
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.Text import tr as _

__all__ = ["TrainingJob"]


class TrainingJob:
    """Passes on what a detached training job tells; the process goes on when Slicer is closed.

    ``cancel`` stops it at its next safe point, with everything kept that a resume needs. Afterwards ``outcome`` says
    ``done``, ``failed`` or ``cancelled``, ``message`` is one sentence about it and ``model`` the trained folder.

    Args:
        job: the running job.
    """

    def __init__(self, job: Job) -> None:
        self.progressChanged = Signal("stage", "fraction", "secondsLeft")
        self.logReceived = Signal("line")
        self.warningReceived = Signal("message")
        self.metricReceived = Signal("name", "value", "step")
        self.finished = Signal("job")
        self.outcome = ""
        self.message = ""
        self.details = ""
        self.model: Path | None = None
        self._job = job
        job.progressChanged.connect(self.progressChanged.emit)
        job.logReceived.connect(self.logReceived.emit)
        job.warningReceived.connect(self.warningReceived.emit)
        job.metricReceived.connect(self.metricReceived.emit)
        job.finished.connect(self._onFinished)

    @property
    def isFinished(self) -> bool:
        """Whether it has ended."""
        return bool(self.outcome)

    @property
    def stage(self) -> str:
        """What the job is doing now."""
        return self._job.stage

    @property
    def fraction(self) -> float:
        """Share of the job that is done, 0 to 1."""
        return self._job.fraction

    @property
    def folder(self) -> Path:
        """The job directory's path."""
        return self._job.path

    def cancel(self) -> None:
        """Ask for a stop at the next safe point; ``finished`` follows."""
        self._job.directory.request_stop()

    def kill(self) -> None:
        """End it at once; what came after the last checkpoint is lost."""
        self._job.cancel()

    def _onFinished(self, state: Any) -> None:
        self.outcome = str(state.value)
        if self.outcome == "cancelled":
            self.message = _("The training was stopped. It can go on from there (Resume).")
        elif self.outcome == "failed":
            self.message = self._job.errorMessage
            self.details = self._job.details()
        else:
            self.model = self._job.directory.outputs.get("model")
        self.finished.emit(self)
