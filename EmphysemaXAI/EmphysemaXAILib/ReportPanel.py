"""The buttons that write the report and the DICOM files of the shown result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

__all__ = ["ReportPanel"]

_REPORT = ("html", "pdf")
_DICOM = ("dicom-seg", "dicom-sr")


class ReportPanel:
    """Asks for a folder, starts the job, and says where the files are.

    Args:
        ui: named widgets of the module's panel.
        jobPanel: shows progress and messages.
        reports: ``ReportExport``.
        chooseFolder: asks the user for a folder and returns its path or an empty text.
    """

    def __init__(self, ui: Any, jobPanel: Any, reports: Any, chooseFolder: Callable[[], str] | None = None) -> None:
        self.chooseFolder = chooseFolder or self._askForFolder
        self._ui = ui
        self._jobPanel = jobPanel
        self._reports = reports
        self._recordNode: Any = None
        ui.reportButton.connect("clicked(bool)", lambda checked=False: self._save(_REPORT))
        ui.dicomButton.connect("clicked(bool)", lambda checked=False: self._save(_DICOM))

    def setRecord(self, recordNode: Any | None) -> None:
        """Write the report of this result from now on; a button that cannot be used says why in its tooltip."""
        self._recordNode = recordNode
        for button, formats, text in (
            (
                self._ui.reportButton,
                _REPORT,
                _("Write the report as HTML and PDF, with pictures of the scene's slices"),
            ),
            (self._ui.dicomButton, _DICOM, _("Write the segmentations as DICOM SEG and the measures as DICOM SR")),
        ):
            problem = self._reports.problem(recordNode, formats)
            button.enabled = not problem and not self._jobPanel.isBusy
            button.toolTip = problem or text

    def _save(self, formats: tuple[str, ...]) -> None:
        folder = self.chooseFolder()
        if not folder or self._jobPanel.isBusy:
            return
        opacity, threshold = self._ui.opacitySlider.value, self._ui.thresholdSlider.value
        try:
            job = self._reports.start(self._recordNode, folder, formats, opacity, threshold)
        except Exception as error:
            self._jobPanel.showMessage(str(error), isError=True)
            return
        self._jobPanel.follow(job)
        job.finished.connect(self._onFinished)
        self.setRecord(self._recordNode)

    def _onFinished(self, job: Any) -> None:
        if job.outcome == "done":
            names = ", ".join(str(path) for path in job.nodes.values())
            self._jobPanel.showMessage(_("Written: {names}").format(names=names))
        self.setRecord(self._recordNode)

    def _askForFolder(self) -> str:
        return str(qt.QFileDialog.getExistingDirectory(self._ui.reportButton, _("Folder for the files")) or "")
