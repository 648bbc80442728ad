"""Many pairs, one after the other, through the same logic as the panel: bad pairs do not stop the rest."""

from __future__ import annotations

import csv
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import slicer
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.Text import tr as _

from DISARegistrationLib.PairReader import loadPair
from DISARegistrationLib.RegistrationLogic import RegistrationLogic

__all__ = ["BatchRegistration", "PairReport"]

_log = logging.getLogger("mambamed")

TRANSFORM_FILE = "transform.h5"
INVERSE_FILE = "inverse.h5"
RECORD_FILE = "record.json"
SUMMARY_FILE = "summary.csv"
_VOLUME_FILES = {"warped": "warped.nrrd", "jacobian": "jacobian.nrrd", "similarityMap": "similarity_map.nrrd"}


@dataclass(frozen=True)
class PairReport:
    """How one pair ended.

    Attributes:
        name: the case, and its folder in the output.
        state: ``done``, ``skipped`` (was done by an earlier run) or ``failed``.
        message: why it failed, else empty.
        seconds: wall time in this run.
        warnings: what must be known to read the result.
        measures: numbers of the quality, by column.
    """

    name: str
    state: str
    message: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    measures: dict[str, str] = field(default_factory=dict)


class BatchRegistration:
    """Registers all pairs of a CSV file into one folder per pair, with a summary.

    A pair's folder appears only when the pair is done; running the batch again skips those that were done with the same
    settings. The scene is emptied after each pair.

    Args:
        logic: what registers.
        preset: name of the preset.
        settings: the engine's settings that differ from the preset, for example ``{"method": "mind-ssc"}``.
        overwrite: whether pairs that were done with other settings are done again instead of being refused.
    """

    def __init__(
        self, logic: RegistrationLogic, preset: str, settings: dict[str, Any] | None = None, overwrite: bool = False
    ) -> None:
        self._logic = logic
        self._preset = preset
        self._settings = dict(settings or {})
        self._overwrite = overwrite

    def run(self, table: Path, output: Path, tell: Callable[[str], None] = print) -> list[PairReport]:
        """Register every pair and write the summary after each.

        Args:
            table: CSV file, see ``mambamed.cli.pairs``.
            output: folder for the results; made if it does not exist.
            tell: receives one line per pair.

        Raises:
            ValueError: the table holds no pair, or a setting has a value that it cannot have.
        """
        from mambamed.cli.pairs import find_pairs

        self._wholeSettings({})
        pairs = find_pairs(table)
        output.mkdir(parents=True, exist_ok=True)
        reports = []
        for number, pair in enumerate(pairs, start=1):
            report = self._runPair(pair.name, pair.files, output)
            reports.append(report)
            self._writeSummary(output / SUMMARY_FILE, reports)
            ending = report.state + (f": {report.message}" if report.message else f" ({report.seconds:.1f} s)")
            tell(f"[{number}/{len(pairs)}] {report.name}: {ending}")
        return reports

    def _runPair(self, name: str, files: Mapping[str, Path], output: Path) -> PairReport:
        started = time.monotonic()
        folder = output / name
        partial = output / f"{name}.partial"
        try:
            earlier = self._earlierReport(name, files, folder)
            if earlier is not None:
                return earlier
            nodes = self._logic.register(
                preset=self._preset, **loadPair(files, self._logic.scene, name), **self._settings
            )
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            self._save(nodes, partial)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
            measures = _measures(readRecord(nodes.record))
            return PairReport(name, "done", "", time.monotonic() - started, nodes.warnings, measures)
        except Exception as error:
            isExpected = isinstance(error, (ValueError, RuntimeError, OSError))
            _log.error("The pair %s failed: %s", name, error, exc_info=not isExpected)
            return PairReport(name, "failed", str(error), time.monotonic() - started)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            self._logic.scene.Clear(0)

    def _earlierReport(self, name: str, files: Mapping[str, Path], folder: Path) -> PairReport | None:
        """Return the report of a pair that an earlier run has finished, or None if it has to be done."""
        try:
            record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            record = {}
        if record.get("settings") == self._wholeSettings(files):
            return PairReport(name, "skipped", "", 0.0, tuple(record.get("warnings", [])), _measures(record))
        if self._overwrite:
            return None
        text = _("{folder} holds a result with other settings. Choose another output folder, or give --overwrite.")
        raise ValueError(text.format(folder=folder))

    def _wholeSettings(self, files: Mapping[str, Path]) -> dict[str, Any]:
        """Return all settings as a record has them; refuses values that cannot be meant."""
        from mambamed.registration.settings import RegistrationSettings

        choices = dict(self._settings)
        if "initial-transform" in files:
            choices.setdefault("initial", "transform")
        settings = RegistrationSettings.for_preset(self._preset, **choices)
        return dict(json.loads(json.dumps(settings.to_json())))

    @staticmethod
    def _save(nodes: Any, folder: Path) -> None:
        saved = [(nodes.transform, TRANSFORM_FILE), (nodes.inverse, INVERSE_FILE)]
        saved += [(getattr(nodes, name), fileName) for name, fileName in _VOLUME_FILES.items()]
        for node, fileName in saved:
            if node is None:
                continue
            isTransform = node.IsA("vtkMRMLTransformNode")
            storage = (
                slicer.vtkMRMLTransformStorageNode() if isTransform else slicer.vtkMRMLVolumeArchetypeStorageNode()
            )
            storage.SetFileName(str(folder / fileName))
            if not storage.WriteData(node):
                raise RuntimeError(_("{name} could not be written to {folder}.").format(name=fileName, folder=folder))
        record = readRecord(nodes.record)
        (folder / RECORD_FILE).write_text(json.dumps(record, indent=2), encoding="utf-8")

    @staticmethod
    def _writeSummary(path: Path, reports: Sequence[PairReport]) -> None:
        """Write one row per pair, complete at any time (written aside and then renamed)."""
        measures = list(dict.fromkeys(name for report in reports for name in report.measures))
        partial = path.with_name(path.name + ".partial")
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["case", "state", "seconds", "transform", "message", "warnings", *measures])
            for report in reports:
                place = "" if report.state == "failed" else f"{report.name}/{TRANSFORM_FILE}"
                warnings = " | ".join(report.warnings)
                values = [report.measures.get(name, "") for name in measures]
                row = [report.name, report.state, f"{report.seconds:.1f}", place, report.message, warnings, *values]
                writer.writerow(row)
        os.replace(partial, path)


_MEASURES = (
    ("similarity before", ("similarity", "before")),
    ("similarity after", ("similarity", "after")),
    ("landmarks before (mm)", ("landmarks", "before_mean_mm")),
    ("landmarks after (mm)", ("landmarks", "after_mean_mm")),
    ("covered after (%)", ("overlap_percent", "after")),
    ("agreeing starts", ("restart_spread", "agreeing")),
    ("starts", ("restart_spread", "starts")),
    ("folded (%)", ("folded_percent",)),
)


def _measures(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the numbers of a record's quality by column of the summary."""
    found = {}
    for column, keys in _MEASURES:
        value: Any = record.get("quality", {})
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            found[column] = f"{value:.6g}"
    return found
