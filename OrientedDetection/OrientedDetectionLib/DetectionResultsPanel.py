"""The Results section: warnings, score slider, labels, table of objects, ways to files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import qt
from slicer.i18n import tr as _
from SlicerMambaMedLib.CheckableChoice import CheckableChoice
from SlicerMambaMedLib.ResultViews import jumpTo
from SlicerMambaMedLib.ResultViews import showTable
from SlicerMambaMedLib.RunRecordView import RunRecordView
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.TableFill import fillTable
from SlicerMambaMedLib.TableFill import fitHeight

from OrientedDetectionLib.DetectionResult import DetectionResult
from OrientedDetectionLib.DetectionRows import detectionRows
from OrientedDetectionLib.MarkupsOfDetection import emphasize

__all__ = ["DetectionResultsPanel"]

_log = logging.getLogger("mambamed")


class DetectionResultsPanel:
    """Shows one result, found through its run record; ``labelsChosen(names)`` tells of a choice of labels.

    Args:
        ui: named widgets of the module's panel.
        save: ``DetectionLogic.save``.
        say: shows a sentence to the user: ``say(text, isError=...)``.
        chooseFile: asks the user for a file to write, given its usual name, and returns its path or an empty text.
    """

    SHOWN_ROWS = 8

    def __init__(
        self,
        ui: Any,
        save: Callable[..., Any],
        say: Callable[..., None],
        chooseFile: Callable[[str], str] | None = None,
    ) -> None:
        self.labelsChosen = Signal("names")
        self.chooseFile = chooseFile or self._askForFile
        self.ui = ui
        self._save = save
        self._say = say
        self._result: DetectionResult | None = None
        self._shown: Any = ()
        self._leastScore = 0.0
        self._labels: tuple[str, ...] = ()
        self.labelChoice = CheckableChoice(ui.shownLabelsComboBox)
        self.recordView = RunRecordView(ui.showRecordButton, ui.recordText)
        self.labelChoice.changed.connect(self.labelsChosen.emit)
        ui.detectionsTable.connect("cellClicked(int,int)", self._onRow)
        ui.showTableButton.connect("clicked(bool)", self._onShowTable)
        for button, name in ((ui.dotaButton, "objects.txt"), (ui.csvButton, "objects.csv")):
            button.connect("clicked(bool)", lambda checked=False, name=name: self._onSave(name))
        ui.markupsButton.connect("clicked(bool)", lambda checked=False: self._onSave("objects.mrk.json"))
        self.show(None)

    @property
    def shownItems(self) -> list[Any]:
        """The objects that are shown, the most certain first."""
        return self._result.chosen(self._leastScore, self._labels) if self._result is not None else []

    def show(self, recordNode: Any | None, leastScore: float = 0.0, labels: Sequence[str] = ()) -> None:
        """Show the result of a run record from this score on; None shows nothing."""
        problem = ""
        try:
            result = DetectionResult(recordNode) if recordNode is not None else None
        except ValueError as error:
            result, problem = None, str(error)
        state = (recordNode, tuple(item.number for item in result.items) if result is not None else problem)
        if state != self._shown:
            self._shown = state
            self._result = result
            self._fill(recordNode, problem)
        if result is not None:
            self.labelChoice.setNames(list(result.detection.colors), list(labels))
        self._labels = tuple(labels)
        self.setLeastScore(leastScore)

    def setLeastScore(self, score: float) -> None:
        """Hide what has a smaller score, in the table and in the views."""
        self._leastScore = score
        if self._result is None:
            self.ui.countLabel.text = ""
            return
        shown = {item.number for item in self._result.show(score, self._labels)}
        for row, item in enumerate(self._result.items):
            self.ui.detectionsTable.setRowHidden(row, item.number not in shown)
        count = len(self._result.items)
        text = _("{shown} of {count} shown") if count else _("nothing was found")
        self.ui.countLabel.text = text.format(shown=len(shown), count=count)
        for button in (self.ui.dotaButton, self.ui.csvButton):
            button.enabled = True
        self.ui.markupsButton.enabled = bool(shown)

    def _fill(self, recordNode: Any | None, problem: str) -> None:
        result, ui = self._result, self.ui
        header: list[str] = []
        rows: list[list[str]] = []
        colors: list[Any] = []
        warnings = [problem] if problem else []
        if result is not None:
            header, rows = detectionRows(result.detection, result.items)
            colors = [result.detection.colors.get(item.label) for item in result.items]
            warnings = result.warnings
        fillTable(ui.detectionsTable, header, rows, colors=colors)
        ui.detectionsTable.resizeColumnsToContents()
        fitHeight(ui.detectionsTable, least=3, most=self.SHOWN_ROWS, slack=20)
        ui.warningsLabel.text = "\n".join(_("Warning: {text}").format(text=text) for text in warnings)
        ui.warningsLabel.visible = bool(warnings)
        self.recordView.setNode(recordNode if result is not None else None)
        hasResult = result is not None
        for widget in (ui.detectionsTable, ui.scoreSlider, ui.scoreLabel, ui.shownLabelsComboBox):
            widget.enabled = hasResult
        for button in (ui.dotaButton, ui.csvButton, ui.markupsButton):
            button.enabled = hasResult
        ui.showTableButton.enabled = result is not None and result.table is not None

    def _onRow(self, row: int, column: int) -> None:
        """Let the slice views show the object of the clicked row, and write its name beside it."""
        if self._result is None or not 0 <= row < len(self._result.items):
            return
        item = self._result.items[row]
        jumpTo(self._result.recordNode.GetScene(), item.center)
        emphasize(self._result.markups.values(), self._result.markups.get(item.number))

    def _onShowTable(self, checked: bool = False) -> None:
        showTable(self._result.table if self._result is not None else None)

    def _onSave(self, name: str) -> None:
        path = self.chooseFile(name)
        if not path or self._result is None:
            return
        try:
            written = self._save(self._result.recordNode, path, self._leastScore, self._labels)
        except Exception as error:
            _log.exception("Objects could not be saved")
            self._say(str(error), isError=True)
            return
        names = ", ".join(str(found) for found in written[:3]) + (", ..." if len(written) > 3 else "")
        self._say(_("Written: {names}").format(names=names), isError=False)

    def _askForFile(self, name: str) -> str:
        chosen = qt.QFileDialog.getSaveFileName(self.ui.detectionsTable, _("Save objects"), name)
        return str((chosen[0] if isinstance(chosen, (tuple, list)) else chosen) or "")
