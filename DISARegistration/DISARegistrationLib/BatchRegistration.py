"""Many pairs, one after the other, through the same logic as the panel: bad pairs do not stop the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer
from SlicerMambaMedLib.CaseBatch import RECORD_FILE
from SlicerMambaMedLib.CaseBatch import CaseBatch

from DISARegistrationLib.PairReader import loadPair
from DISARegistrationLib.RegistrationLogic import RegistrationLogic

__all__ = ["BatchRegistration"]

TRANSFORM_FILE = "transform.h5"
INVERSE_FILE = "inverse.h5"
_VOLUME_FILES = {"warped": "warped.nrrd", "jacobian": "jacobian.nrrd", "similarityMap": "similarity_map.nrrd"}


class BatchRegistration(CaseBatch):
    """Registers all pairs of a CSV file; see ``CaseBatch``.

    Args:
        logic: what registers.
        preset: name of the preset.
        settings: the engine's settings that differ from the preset, for example ``{"method": "mind-ssc"}``.
        overwrite: whether pairs that were done with other settings are done again instead of being refused.
    """

    RESULT_COLUMN = "transform"
    RESULT_FILE = TRANSFORM_FILE

    def __init__(
        self, logic: RegistrationLogic, preset: str, settings: dict[str, Any] | None = None, overwrite: bool = False
    ) -> None:
        super().__init__(logic.scene, overwrite)
        self._logic = logic
        self._preset = preset
        self._settings = dict(settings or {})

    def cases(self, source: Path) -> list[tuple[str, Any]]:
        """Return name and files of each pair, see ``mambamed.cli.pairs``."""
        from mambamed.cli.pairs import find_pairs

        return [(pair.name, pair.files) for pair in find_pairs(source)]

    def make(self, name: str, files: Mapping[str, Path], folder: Path) -> tuple[str, ...]:
        """Register one pair and write transforms, volumes and record."""
        nodes = self._logic.register(preset=self._preset, **loadPair(files, self._logic.scene, name), **self._settings)
        for node, fileName in ((nodes.transform, TRANSFORM_FILE), (nodes.inverse, INVERSE_FILE)):
            self.saveNode(node, slicer.vtkMRMLTransformStorageNode(), folder / fileName)
        for key, fileName in _VOLUME_FILES.items():
            if getattr(nodes, key) is not None:
                self.saveNode(getattr(nodes, key), slicer.vtkMRMLVolumeArchetypeStorageNode(), folder / fileName)
        self.saveRecord(nodes.record, folder)
        return tuple(nodes.warnings)

    def measures(self, folder: Path) -> dict[str, str]:
        """Return the numbers of the quality by column of the summary."""
        return _measures(json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")))

    def wholeSettings(self, files: Mapping[str, Path] | tuple[()] = ()) -> dict[str, Any]:
        """Return all settings as a record has them; refuses values that cannot be meant."""
        from mambamed.registration.settings import RegistrationSettings

        choices = dict(self._settings)
        if "initial-transform" in files:
            choices.setdefault("initial", "transform")
        settings = RegistrationSettings.for_preset(self._preset, **choices)
        return dict(json.loads(json.dumps(settings.to_json())))


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
