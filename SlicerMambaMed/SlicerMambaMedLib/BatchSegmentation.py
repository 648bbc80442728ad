"""Many cases, one after the other, through the same logic as the panel: bad cases do not stop the rest."""

from __future__ import annotations

import csv
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.CaseReader import loadCaseImage
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.SegmentationLogic import SegmentationLogic
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeTable import readTable

__all__ = ["BatchSegmentation", "CaseReport"]

_log = logging.getLogger("mambamed")

SEGMENTATION_FILE = "segmentation.seg.nrrd"
VOLUMES_FILE = "volumes.csv"
RECORD_FILE = "record.json"
SUMMARY_FILE = "summary.csv"


@dataclass(frozen=True)
class CaseReport:
    """How one case ended.

    Attributes:
        name: the case, and its folder in the output.
        state: ``done``, ``skipped`` (was done by an earlier run) or ``failed``.
        message: why it failed, else empty.
        seconds: wall time in this run.
        warnings: what must be known to read the result.
        volumes: volume per label, as in the table of the run.
    """

    name: str
    state: str
    message: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    volumes: dict[str, str] = field(default_factory=dict)


class BatchSegmentation:
    """Segments all cases of a folder or a CSV file into one folder per case, with a summary.

    A case's folder appears only when the case is done; running the batch again skips those that were done with the same
    settings. The scene is emptied after each case.

    Args:
        logic: what segments.
        model: identifier or path of the model.
        settings: the engine's settings, for example ``{"device": "cpu"}``.
        overwrite: whether cases that were done with other settings are done again instead of being refused.
    """

    def __init__(
        self, logic: SegmentationLogic, model: str, settings: dict[str, Any] | None = None, overwrite: bool = False
    ) -> None:
        self._logic = logic
        self._model = model
        self._settings = dict(settings or {})
        self._overwrite = overwrite

    def run(self, source: Path, output: Path, tell: Callable[[str], None] = print) -> list[CaseReport]:
        """Segment every case and write the summary after each.

        Args:
            source: folder or CSV file, see ``mambamed.cli.cases``.
            output: folder for the results; made if it does not exist.
            tell: receives one line per case.

        Raises:
            ValueError: the source holds no case, a setting has a value that it cannot have, or there is no such model.
        """
        from mambamed.cli.cases import find_cases

        self._wholeSettings()
        cases = find_cases(source)
        self._logic.models.find(self._model)
        output.mkdir(parents=True, exist_ok=True)
        reports = []
        for number, case in enumerate(cases, start=1):
            report = self._runCase(case.name, case.images, output)
            reports.append(report)
            self._writeSummary(output / SUMMARY_FILE, reports)
            ending = report.state + (f": {report.message}" if report.message else f" ({report.seconds:.1f} s)")
            tell(f"[{number}/{len(cases)}] {report.name}: {ending}")
        return reports

    def _runCase(self, name: str, images: Sequence[Path], output: Path) -> CaseReport:
        started = time.monotonic()
        folder = output / name
        partial = output / f"{name}.partial"
        try:
            earlier = self._earlierReport(name, folder)
            if earlier is not None:
                return earlier
            volumes = [loadCaseImage(path, self._logic.scene, f"{name} {i}") for i, path in enumerate(images)]
            nodes = self._logic.segment(volumes, self._model, **self._settings)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            self._save(nodes, partial)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
            return CaseReport(
                name, "done", "", time.monotonic() - started, nodes.warnings, _volumes(folder / VOLUMES_FILE)
            )
        except Exception as error:
            isExpected = isinstance(error, (ValueError, RuntimeError, OSError))
            _log.error("The case %s failed: %s", name, error, exc_info=not isExpected)
            return CaseReport(name, "failed", str(error), time.monotonic() - started)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            self._logic.scene.Clear(0)

    def _earlierReport(self, name: str, folder: Path) -> CaseReport | None:
        """Return the report of a case that an earlier run has finished, or None if it has to be done."""
        try:
            record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            record = {}
        if self._isSameRun(record):
            warnings = tuple(record.get("warnings", []))
            return CaseReport(name, "skipped", "", 0.0, warnings, _volumes(folder / VOLUMES_FILE))
        if self._overwrite:
            return None
        text = _("{folder} holds a result with other settings. Choose another output folder, or give --overwrite.")
        raise ValueError(text.format(folder=folder))

    def _isSameRun(self, record: dict[str, Any]) -> bool:
        return record.get("settings") == self._wholeSettings()

    def _wholeSettings(self) -> dict[str, Any]:
        """Return all settings as a record has them; refuses values that cannot be meant."""
        from mambamed.segmentation.settings import SegmentationSettings

        settings = SegmentationSettings(model=self._model, **self._settings)
        return dict(json.loads(json.dumps(settings.to_json())))

    def _save(self, nodes: Any, folder: Path) -> None:
        storage = slicer.vtkMRMLSegmentationStorageNode()
        storage.SetFileName(str(folder / SEGMENTATION_FILE))
        if not storage.WriteData(nodes.segmentation):
            raise RuntimeError(_("The segmentation could not be written to {folder}.").format(folder=folder))
        if nodes.table is not None:
            with (folder / VOLUMES_FILE).open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream)
                columns = range(nodes.table.GetNumberOfColumns())
                writer.writerow([nodes.table.GetColumnName(column) for column in columns])
                for row in range(nodes.table.GetNumberOfRows()):
                    writer.writerow([nodes.table.GetCellText(row, column) for column in columns])
        record = readRecord(nodes.record)
        (folder / RECORD_FILE).write_text(json.dumps(record, indent=2), encoding="utf-8")

    @staticmethod
    def _writeSummary(path: Path, reports: Sequence[CaseReport]) -> None:
        """Write one row per case, complete at any time (written aside and then renamed)."""
        measures = list(dict.fromkeys(name for report in reports for name in report.volumes))
        partial = path.with_name(path.name + ".partial")
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["case", "state", "seconds", "segmentation", "message", "warnings", *measures])
            for report in reports:
                place = "" if report.state == "failed" else f"{report.name}/{SEGMENTATION_FILE}"
                warnings = " | ".join(report.warnings)
                values = [report.volumes.get(name, "") for name in measures]
                row = [report.name, report.state, f"{report.seconds:.1f}", place, report.message, warnings, *values]
                writer.writerow(row)
        os.replace(partial, path)


def _volumes(path: Path) -> dict[str, str]:
    """Return ``<label> (ml)`` -> volume of a run's table."""
    if not path.is_file():
        return {}
    header, rows = readTable(path)
    if "name" not in header:
        return {}
    units = {"volume_ml": "ml", "area_mm2": "mm2"}
    return {
        f"{row[header.index('name')]} ({unit})": row[header.index(column)]
        for row in rows
        for column, unit in units.items()
        if column in header
    }
