"""Many cases, one after the other, through the same logic as a panel: bad cases do not stop the rest."""

from __future__ import annotations

import csv
import json
import logging
import os
import shutil
import time
from abc import ABC
from abc import abstractmethod
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.Text import tr as _

__all__ = ["RECORD_FILE", "SUMMARY_FILE", "CaseBatch", "CaseReport"]

_log = logging.getLogger("mambamed")

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
        measures: what the summary tells of the case, by column.
    """

    name: str
    state: str
    message: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    measures: dict[str, str] = field(default_factory=dict)


class CaseBatch(ABC):
    """Works on all cases of a folder or a CSV file (or pairs of a CSV file), into one folder per case, with a summary.

    A case's folder appears only when the case is done; running the batch again skips those that were done with the same
    settings. The scene is emptied after each case. What is done with a case is said by a subclass.

    Args:
        scene: the scene in which the cases are worked on.
        overwrite: whether cases that were done with other settings are done again instead of being refused.
    """

    RESULT_COLUMN = "result"
    RESULT_FILE = ""

    def __init__(self, scene: Any, overwrite: bool = False) -> None:
        self._scene = scene
        self._overwrite = overwrite

    # --- what a subclass says ---
    def cases(self, source: Path) -> list[tuple[str, Any]]:
        """Return name and files of each case: the images of a folder or a CSV file, see ``mambamed.cli.cases``."""
        from mambamed.cli.cases import find_cases

        return [(case.name, case.images) for case in find_cases(source)]

    def check(self) -> None:  # noqa: B027 (many batches need nothing that could be lacking)
        """Raise ValueError when no case can be done, for instance for want of the model."""

    @abstractmethod
    def make(self, name: str, files: Any, folder: Path) -> tuple[str, ...]:
        """Work on one case, write its files (``record.json`` among them) into a folder and return the warnings."""

    @abstractmethod
    def measures(self, folder: Path) -> dict[str, str]:
        """Return what the summary tells of a case that is done, by column."""

    @abstractmethod
    def wholeSettings(self, files: Any = ()) -> dict[str, Any]:
        """Return all settings as the record of a case with these files has them; refuse values that cannot be meant."""

    # --- the batch ---
    def run(self, source: Path, output: Path, tell: Callable[[str], None] = print) -> list[CaseReport]:
        """Work on every case and write the summary after each.

        Args:
            source: folder or CSV file.
            output: folder for the results; made if it does not exist.
            tell: receives one line per case.

        Raises:
            ValueError: the source holds no case, or ``check`` has refused.
        """
        self.wholeSettings()
        cases = self.cases(source)
        self.check()
        output.mkdir(parents=True, exist_ok=True)
        reports = []
        for number, (name, files) in enumerate(cases, start=1):
            report = self._runCase(name, files, output)
            reports.append(report)
            self._writeSummary(output / SUMMARY_FILE, reports)
            ending = report.state + (f": {report.message}" if report.message else f" ({report.seconds:.1f} s)")
            tell(f"[{number}/{len(cases)}] {report.name}: {ending}")
        return reports

    def _runCase(self, name: str, files: Any, output: Path) -> CaseReport:
        started = time.monotonic()
        folder = output / name
        partial = output / f"{name}.partial"
        try:
            earlier = self._earlierReport(name, files, folder)
            if earlier is not None:
                return earlier
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            warnings = self.make(name, files, partial)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
            return CaseReport(name, "done", "", time.monotonic() - started, warnings, self.measures(folder))
        except Exception as error:
            isExpected = isinstance(error, (ValueError, RuntimeError, OSError))
            _log.error("The case %s failed: %s", name, error, exc_info=not isExpected)
            return CaseReport(name, "failed", str(error), time.monotonic() - started)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            self._scene.Clear(0)

    def _earlierReport(self, name: str, files: Any, folder: Path) -> CaseReport | None:
        """Return the report of a case that an earlier run has finished, or None if it has to be done."""
        try:
            record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            record = {}
        if record.get("settings") == self.wholeSettings(files):
            return CaseReport(name, "skipped", "", 0.0, tuple(record.get("warnings", [])), self.measures(folder))
        if self._overwrite:
            return None
        text = _("{folder} holds a result with other settings. Choose another output folder, or give --overwrite.")
        raise ValueError(text.format(folder=folder))

    @staticmethod
    def saveRecord(recordNode: Any, folder: Path) -> None:
        """Write the run record of a case."""
        (folder / RECORD_FILE).write_text(json.dumps(readRecord(recordNode), indent=2), encoding="utf-8")

    @staticmethod
    def saveNode(node: Any, storage: Any, path: Path) -> None:
        """Write a node through a storage node that fits it.

        Raises:
            RuntimeError: it could not be written.
        """
        storage.SetFileName(str(path))
        if not storage.WriteData(node):
            raise RuntimeError(_("{name} could not be written to {folder}.").format(name=path.name, folder=path.parent))

    def _writeSummary(self, path: Path, reports: Sequence[CaseReport]) -> None:
        """Write one row per case, complete at any time (written aside and then renamed)."""
        measures = list(dict.fromkeys(name for report in reports for name in report.measures))
        partial = path.with_name(path.name + ".partial")
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["case", "state", "seconds", self.RESULT_COLUMN, "message", "warnings", *measures])
            for report in reports:
                place = "" if report.state == "failed" else f"{report.name}/{self.RESULT_FILE}"
                warnings = " | ".join(report.warnings)
                values = [report.measures.get(name, "") for name in measures]
                row = [report.name, report.state, f"{report.seconds:.1f}", place, report.message, warnings, *values]
                writer.writerow(row)
        os.replace(partial, path)
