"""Segments many cases, one after the other, through the same logic as the panel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.CaseBatch import CaseBatch
from SlicerMambaMedLib.CaseReader import loadCaseImage
from SlicerMambaMedLib.SegmentationLogic import SegmentationLogic
from SlicerMambaMedLib.VolumeTable import readTable
from SlicerMambaMedLib.VolumeTable import writeTable

__all__ = ["BatchSegmentation"]

SEGMENTATION_FILE = "segmentation.seg.nrrd"
VOLUMES_FILE = "volumes.csv"


class BatchSegmentation(CaseBatch):
    """Segments all cases of a folder or a CSV file; see ``CaseBatch``.

    Args:
        logic: what segments.
        model: identifier or path of the model.
        settings: the engine's settings, for example ``{"device": "cpu"}``.
        overwrite: whether cases that were done with other settings are done again instead of being refused.
    """

    RESULT_COLUMN = "segmentation"
    RESULT_FILE = SEGMENTATION_FILE

    def __init__(
        self, logic: SegmentationLogic, model: str, settings: dict[str, Any] | None = None, overwrite: bool = False
    ) -> None:
        super().__init__(logic.scene, overwrite)
        self._logic = logic
        self._model = model
        self._settings = dict(settings or {})

    def check(self) -> None:
        """Refuse a model that is not there."""
        self._logic.models.find(self._model)

    def make(self, name: str, files: Sequence[Path], folder: Path) -> tuple[str, ...]:
        """Segment one case and write segmentation, volumes and record."""
        volumes = [loadCaseImage(path, self._logic.scene, f"{name} {i}") for i, path in enumerate(files)]
        nodes = self._logic.segment(volumes, self._model, **self._settings)
        self.saveNode(nodes.segmentation, slicer.vtkMRMLSegmentationStorageNode(), folder / SEGMENTATION_FILE)
        if nodes.table is not None:
            writeTable(nodes.table, folder / VOLUMES_FILE)
        self.saveRecord(nodes.record, folder)
        return tuple(nodes.warnings)

    def measures(self, folder: Path) -> dict[str, str]:
        """Return ``<label> (ml)`` -> volume of a run's table."""
        path = folder / VOLUMES_FILE
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

    def wholeSettings(self, files: Sequence[Path] = ()) -> dict[str, Any]:
        """Return all settings as a record has them; refuses values that cannot be meant."""
        from mambamed.segmentation.settings import SegmentationSettings

        settings = SegmentationSettings(model=self._model, **self._settings)
        return dict(json.loads(json.dumps(settings.to_json())))
