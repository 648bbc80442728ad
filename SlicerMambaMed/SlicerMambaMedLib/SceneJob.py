"""A job whose inputs are nodes of the scene and whose result becomes nodes of the scene."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from SlicerMambaMedLib.InputGuard import InputGuard
from SlicerMambaMedLib.Job import Job
from SlicerMambaMedLib.JobRunner import JobRunner
from SlicerMambaMedLib.SceneChange import SceneChange
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.Text import tr as _

__all__ = ["SceneJob"]

_log = logging.getLogger("mambamed")


class SceneJob:
    """Ties a running job to the scene, and leaves the scene alone unless everything went well.

    Life: ``progressChanged`` / ``logReceived`` / ``warningReceived`` / ``metricReceived`` while it runs; then the
    result enters the scene as one undo step, the job's folder is deleted, and ``finished(self)`` is emitted once.
    Afterwards ``outcome`` says ``done``, ``failed`` or ``cancelled``, ``message`` is one sentence about it (empty when
    done) and ``nodes`` holds what ``importResult`` returned.

    When the scene is closed or an input is deleted meanwhile, the job is cancelled and nothing is imported.

    Args:
        job: the running job.
        runner: who runs it; deletes the folder at the end.
        scene: the scene of the inputs.
        inputs: nodes without which the result would make no sense.
        importResult: given the ``JobDirectory`` and this object, adds the result to the scene and returns the nodes.
    """

    def __init__(
        self,
        job: Job,
        runner: JobRunner,
        scene: Any,
        inputs: Sequence[Any],
        importResult: Callable[[Any, SceneJob], Any],
    ) -> None:
        self.progressChanged = Signal("stage", "fraction", "secondsLeft")
        self.logReceived = Signal("line")
        self.warningReceived = Signal("message")
        self.metricReceived = Signal("name", "value", "step")
        self.finished = Signal("job")
        self.outcome = ""
        self.message = ""
        self.details = ""
        self.nodes: Any = None
        self._job = job
        self._runner = runner
        self._scene = scene
        self._importResult = importResult
        self._lostReason = ""
        self._guard = InputGuard(scene, inputs)
        self._guard.lost.connect(self._onLost)
        job.progressChanged.connect(self.progressChanged.emit)
        job.logReceived.connect(self.logReceived.emit)
        job.warningReceived.connect(self.warningReceived.emit)
        job.metricReceived.connect(self.metricReceived.emit)
        job.finished.connect(self._onFinished)

    @property
    def isFinished(self) -> bool:
        """Whether it has ended, with the result (if any) in the scene."""
        return bool(self.outcome)

    @property
    def warnings(self) -> list[str]:
        """What changes how the result must be read, so far."""
        return list(self._job.warnings)

    @property
    def stage(self) -> str:
        """What the job is doing now."""
        return self._job.stage

    @property
    def fraction(self) -> float:
        """Share of the job that is done, 0 to 1."""
        return self._job.fraction

    @property
    def folder(self) -> Any:
        """The job directory's path."""
        return self._job.path

    def cancel(self) -> None:
        """Ask for it to be stopped; ``finished`` follows."""
        self._job.cancel()

    def wait(self) -> None:
        """Return when it has ended, keeping the application alive meanwhile; for scripts."""
        self._runner.wait(self._job)

    def _onLost(self, reason: str) -> None:
        self._lostReason = reason
        self._job.cancel()

    def _onFinished(self, state: Any) -> None:
        self._guard.release()
        try:
            if self._lostReason:
                self._end("cancelled", _("The job was stopped, because {reason}.").format(reason=self._lostReason))
            elif state.value == "done":
                self._import()
            elif state.value == "cancelled":
                self._end("cancelled", _("The job was cancelled; the scene is as it was."))
            else:
                self._end("failed", self._job.errorMessage, self._job.details())
        finally:
            self._runner.removeFolder(self._job)
        self.finished.emit(self)

    def _import(self) -> None:
        try:
            with SceneChange(self._scene):
                self.nodes = self._importResult(self._job.directory, self)
        except Exception as error:
            _log.exception("The result of %s could not be brought into the scene", self._job.path)
            text = _("The result could not be brought into the scene: {reason}").format(reason=error)
            self._end("failed", text, self._job.details())
        else:
            self._end("done", "")

    def _end(self, outcome: str, message: str, details: str = "") -> None:
        self.outcome = outcome
        self.message = message
        self.details = details
        if outcome == "failed":
            _log.error("%s\n%s", message, details)
