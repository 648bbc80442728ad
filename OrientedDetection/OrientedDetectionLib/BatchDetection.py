"""Looks for objects in many images, one after the other, through the same logic as the panel."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.CaseBatch import CaseBatch
from SlicerMambaMedLib.CaseReader import loadCaseImage
from SlicerMambaMedLib.Text import tr as _

from OrientedDetectionLib.DetectionLogic import DetectionLogic
from OrientedDetectionLib.DetectionRequest import COMPONENTS

__all__ = ["BatchDetection"]

OBJECTS_FILE = "objects.csv"
DOTA_FILE = "objects.txt"
MARKUPS_FILE = "objects.mrk.json"


class BatchDetection(CaseBatch):
    """Looks for objects in all images of a folder or a CSV file; see ``CaseBatch``.

    Args:
        logic: what detects.
        model: identifier or path of the model.
        settings: the engine's settings, for example ``{"device": "cpu"}``.
        overwrite: whether cases that were done with other settings are done again instead of being refused.
    """

    RESULT_COLUMN = "objects"
    RESULT_FILE = OBJECTS_FILE

    def __init__(
        self, logic: DetectionLogic, model: str, settings: dict[str, Any] | None = None, overwrite: bool = False
    ) -> None:
        super().__init__(logic.scene, overwrite)
        self._logic = logic
        self._model = model
        self._settings = dict(settings or {})

    def check(self) -> None:
        """Refuse a model that is not there."""
        self._logic.models.find(self._model)

    def make(self, name: str, files: Sequence[Path], folder: Path) -> tuple[str, ...]:
        """Look for objects in one image and write table, DOTA text, markups and record."""
        if len(files) != 1:
            text = _("The case {name} has {count} images; one is expected.")
            raise ValueError(text.format(name=name, count=len(files)))
        volume = loadCaseImage(files[0], self._logic.scene, name, COMPONENTS)
        nodes = self._logic.detect(volume, self._model, **self._settings)
        for fileName in (OBJECTS_FILE, DOTA_FILE, MARKUPS_FILE):
            if nodes.markups or fileName != MARKUPS_FILE:  # a markups file holds at least one
                self._logic.save(nodes.record, folder / fileName)
        self.saveRecord(nodes.record, folder)
        return tuple(nodes.warnings)

    def measures(self, folder: Path) -> dict[str, str]:
        """Return the number of objects of each label."""
        with (folder / OBJECTS_FILE).open(newline="", encoding="utf-8") as stream:
            counts = Counter(row["label"] for row in csv.DictReader(stream))
        return {"all objects": str(counts.total()), **{label: str(count) for label, count in sorted(counts.items())}}

    def wholeSettings(self, files: Sequence[Path] = ()) -> dict[str, Any]:
        """Return all settings as a record has them; refuses values that cannot be meant."""
        from mambamed.detection.settings import DetectionSettings

        settings = DetectionSettings(model=self._model, **self._settings)
        return dict(json.loads(json.dumps(settings.to_json())))
