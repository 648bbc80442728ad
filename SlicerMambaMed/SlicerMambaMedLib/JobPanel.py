"""Apply that turns into Cancel, one progress row, and what came of it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import qt
from slicer.i18n import tr as _

from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.TimeText import timeInWords
from SlicerMambaMedLib.UserInterface import loadInto
from SlicerMambaMedLib.UserInterface import showStandardIcon

__all__ = ["JobPanel"]


class JobPanel:
    """Follows one job at a time (a ``SceneJob`` or anything with the same signals).

    Args:
        frame: widget with a layout that takes the panel.
        applyText: text of the button when nothing runs.
        cancelText: text of the button while a job runs.
    """

    PROGRESS_STEPS = 1000
    KEPT_LOG_LINES = 400

    def __init__(self, frame: Any, applyText: str = "", cancelText: str = "") -> None:
        self.applyRequested = Signal()
        self.job: Any = None
        self._log: deque[str] = deque(maxlen=self.KEPT_LOG_LINES)
        self._problem = ""
        self._startedAt = 0.0
        self._applyText = applyText or _("Apply")
        self._cancelText = cancelText or _("Cancel")
        self.widget, self.ui = loadInto(frame, "MambaMedJobPanel")
        self.ui.applyButton.connect("clicked(bool)", self._onClicked)
        self.ui.detailsButton.connect("toggled(bool)", self._onDetailsToggled)
        self._showIdle()

    @property
    def isBusy(self) -> bool:
        """Whether a job is being followed."""
        return self.job is not None

    @property
    def message(self) -> str:
        """The sentence that is shown below the button; empty when none is."""
        return str(self.ui.messageLabel.text) if self.ui.messageWidget.isVisibleTo(self.widget) else ""

    def setProblem(self, problem: str, toolTip: str = "") -> None:
        """Enable Apply when there is no problem; otherwise its tooltip says what is missing."""
        self._problem = problem
        if not self.isBusy:
            self.ui.applyButton.enabled = not problem
            self.ui.applyButton.toolTip = problem or toolTip or self._applyText

    def follow(self, job: Any) -> None:
        """Show the progress of a job until it has ended."""
        self.detach()
        self.job = job
        self._log.clear()
        self._startedAt = time.monotonic()
        job.progressChanged.connect(self._onProgress)
        job.logReceived.connect(self._onLog)
        job.warningReceived.connect(self._onWarning)
        job.finished.connect(self._onFinished)
        self.clearMessage()
        self.ui.applyButton.text = self._cancelText
        self.ui.applyButton.enabled = True
        self.ui.applyButton.toolTip = _("Stop the job; the scene stays as it is")
        self.ui.progressWidget.visible = True
        self.ui.progressBar.setRange(0, 0)
        self.ui.progressBar.format = _("Starting")
        self.ui.timeLeftLabel.text = ""
        if getattr(job, "stage", ""):
            self._onProgress(job.stage, job.fraction, None)

    def detach(self) -> None:
        """Stop following; the job goes on."""
        if self.job is not None:
            self.job.progressChanged.disconnect(self._onProgress)
            self.job.logReceived.disconnect(self._onLog)
            self.job.warningReceived.disconnect(self._onWarning)
            self.job.finished.disconnect(self._onFinished)
            self.job = None
        self._showIdle()

    def showMessage(self, text: str, isError: bool = False, details: str = "") -> None:
        """Show one sentence, and what is behind it on request."""
        icon = qt.QStyle.SP_MessageBoxCritical if isError else qt.QStyle.SP_MessageBoxInformation
        showStandardIcon(self.ui.messageIcon, icon)
        self.ui.messageLabel.text = text
        self.ui.detailsText.plainText = details
        self.ui.detailsButton.visible = bool(details)
        self.ui.detailsButton.checked = False
        self.ui.messageWidget.visible = True

    def clearMessage(self) -> None:
        """Show no sentence."""
        self.ui.messageWidget.visible = False
        self.ui.messageLabel.text = ""
        self.ui.detailsButton.checked = False
        self.ui.detailsText.plainText = ""

    def _showIdle(self) -> None:
        self.ui.applyButton.text = self._applyText
        self.ui.progressWidget.visible = False
        self.setProblem(self._problem)

    def _onClicked(self, checked: bool = False) -> None:
        if self.job is None:
            self.applyRequested.emit()
            return
        self.ui.applyButton.enabled = False
        self.ui.applyButton.text = _("Cancelling...")
        self.job.cancel()

    def _onProgress(self, stage: str, fraction: float, secondsLeft: float | None) -> None:
        self.ui.progressBar.setRange(0, self.PROGRESS_STEPS)
        self.ui.progressBar.value = round(fraction * self.PROGRESS_STEPS)
        # Qt replaces %p by the percentage; a percent sign of the stage's own would be taken for such a mark.
        self.ui.progressBar.format = stage.replace("%", "") + " - %p%"
        self.ui.timeLeftLabel.text = (
            _("{time} left").format(time=timeInWords(secondsLeft)) if secondsLeft is not None else ""
        )

    def _onLog(self, line: str) -> None:
        self._log.append(line)

    def _onWarning(self, message: str) -> None:
        self._log.append(_("Warning: {message}").format(message=message))

    def _onFinished(self, job: Any) -> None:
        self.detach()
        if job.outcome == "done":
            seconds = f"{time.monotonic() - self._startedAt:.0f}"
            self.showMessage(_("Done in {count} s.").format(count=seconds), details="\n".join(self._log))
        else:
            details = "\n".join(part for part in ("\n".join(self._log), job.details) if part)
            self.showMessage(job.message, isError=job.outcome == "failed", details=details)

    def _onDetailsToggled(self, checked: bool) -> None:
        self.ui.detailsText.visible = checked
