"""Analyzes many scans, one after the other, through the same logic as the panel."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer
from SlicerMambaMedLib.CaseBatch import RECORD_FILE
from SlicerMambaMedLib.CaseBatch import CaseBatch
from SlicerMambaMedLib.CaseReader import loadCaseImage
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeTable import writeTable

from EmphysemaXAILib.DicomSource import FOLDER_ATTRIBUTE
from EmphysemaXAILib.EmphysemaLogic import EmphysemaLogic
from EmphysemaXAILib.EmphysemaNodes import EmphysemaNodes

__all__ = ["BatchEmphysema"]

MEASURES_FILE = "measures.csv"
REPORT_NAME = "report"
REPORT_FORMATS = ("html", "pdf")
DICOM_FORMATS = ("dicom-seg", "dicom-sr")


class BatchEmphysema(CaseBatch):
    """Analyzes all scans of a folder or a CSV file; see ``CaseBatch``.

    Args:
        logic: what analyzes.
        settings: the engine's settings, for example ``{"compute": ("density", "patterns")}``.
        overwrite: whether cases that were done with other settings are done again instead of being refused.
        report: whether each case gets its report (HTML and PDF). A case that comes as a DICOM folder gets DICOM SEG
            and SR in any case.
    """

    RESULT_COLUMN = "measures"
    RESULT_FILE = MEASURES_FILE

    def __init__(
        self,
        logic: EmphysemaLogic,
        settings: dict[str, Any] | None = None,
        overwrite: bool = False,
        report: bool = True,
    ) -> None:
        super().__init__(logic.scene, overwrite)
        self._logic = logic
        self._settings = {"report": False, "dicom_outputs": False, **(settings or {})}
        self._report = report

    def check(self) -> None:
        """Refuse a severity model that is needed and not there."""
        settings = self.wholeSettings()
        if "severity" in settings["compute"] and settings["severity_model"]:
            self._logic.models.find(settings["severity_model"])

    def make(self, name: str, files: Sequence[Path], folder: Path) -> tuple[str, ...]:
        """Analyze one scan and write measures, segmentations, record and report."""
        if len(files) != 1:
            text = _("The case {name} has {count} images; one chest CT is expected.")
            raise ValueError(text.format(name=name, count=len(files)))
        ct = loadCaseImage(files[0], self._logic.scene, name)
        if files[0].is_dir():
            ct.SetAttribute(FOLDER_ATTRIBUTE, str(files[0]))
        nodes = self._logic.analyze(ct, **self._settings)
        self._save(nodes, folder)
        formats = [*(REPORT_FORMATS if self._report else ()), *(DICOM_FORMATS if files[0].is_dir() else ())]
        if formats:
            self._logic.reports.save(nodes.record, folder, formats=formats, name=REPORT_NAME, case=name)
        return tuple(nodes.warnings)

    def _save(self, nodes: EmphysemaNodes, folder: Path) -> None:
        writeTable(nodes.measures, folder / MEASURES_FILE)
        for key, node in nodes.segmentations.items():
            self.saveNode(node, slicer.vtkMRMLSegmentationStorageNode(), folder / f"{key}.seg.nrrd")
        self.saveRecord(nodes.record, folder)

    def measures(self, folder: Path) -> dict[str, str]:
        """Return ``<region> <measure>`` -> value of the whole lung and of both sides."""
        path = folder / MEASURES_FILE
        if not path.is_file():
            return {}
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        found = {
            f"{row['region']} {name}": value
            for row in rows
            if row["region"] in ("whole lung", "left lung", "right lung")
            for name, value in row.items()
            if name not in ("region", "voxels")
        }
        return found | self._severity(folder)

    @staticmethod
    def _severity(folder: Path) -> dict[str, str]:
        """Return the mean grade with its spread and the probability of each grade."""
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        severity = record.get("severity")
        if not severity:
            return {}
        kind = "demonstration severity" if severity.get("demonstration") else "severity"
        found = {
            f"{kind}, mean grade": f"{severity['expected_grade']:.3f}",
            f"{kind}, spread": f"{severity['spread']:.3f}",
        }
        pairs = zip(severity["classes"], severity["probabilities"], strict=True)
        return found | {f"{kind}, probability of {name}": f"{value:.4f}" for name, value in pairs}

    def wholeSettings(self, files: Sequence[Path] = ()) -> dict[str, Any]:
        """Return all settings as a record has them; refuses values that cannot be meant."""
        from mambamed.emphysema.settings import EmphysemaSettings

        return dict(json.loads(json.dumps(EmphysemaSettings(**self._settings).to_json())))
