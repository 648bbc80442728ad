"""A finished job as the engine leaves it, with every kind of output, without running the engine."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from engine.emphysema.report.sample_record import sample_record

__all__ = ["THIRDS", "SampleDirectory", "SampleJob", "import_sample_result"]

THIRDS = ["left upper third", "left middle third", "left lower third"]
THIRDS += ["right upper third", "right middle third", "right lower third"]
PATTERNS = ["NT: normal", "PS: paraseptal", "PL: panlobular", "CL1: mild", "CL2: moderate", "CL3: severe"]


class SampleJob:
    """What an importer asks of a ``SceneJob``."""

    def __init__(self, warnings: tuple[str, ...] = ()) -> None:
        self.warnings = list(warnings)


class SampleDirectory:
    """What an importer asks of a ``JobDirectory``, with files on the grid of a volume node."""

    def __init__(self, folder: Path, volume: Any, **changes: Any) -> None:
        import slicer
        from SlicerMambaMedLib.NrrdFile import writeNrrd
        from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

        self.grid = VolumeGeometry.ofVolumeNode(volume)
        voxels = slicer.util.arrayFromVolume(volume)
        lungs = (voxels < -700) & (voxels > -970)
        k, _, i = np.indices(voxels.shape)
        third = np.clip(3 * k // voxels.shape[0], 0, 2)
        self.regions = np.where(lungs, 1 + third + 3 * (i > voxels.shape[2] // 2), 0).astype(np.uint8)
        low = ((voxels < -950) & (k > 5)).astype(np.uint8)
        arrays = {
            "regions": self.regions,
            "low_attenuation": low,
            "patterns": np.where(lungs, 1 + (i + k) % 6, 0).astype(np.uint8),
            "explanation:grad-cam": np.where(lungs, i / voxels.shape[2], 0).astype(np.float32),
            "explanation:attention": np.where(lungs, -1.0, 0).astype(np.float32),
        }
        self.outputs = {}
        for name, array in arrays.items():
            self.outputs[name] = folder / f"{name.replace(':', '_')}.nrrd"
            writeNrrd(self.outputs[name], array, self.grid)
        labels = {
            "regions": [_label(value, name) for value, name in enumerate(THIRDS, start=1)],
            "low_attenuation": [_label(1, "low attenuation area")],
            "patterns": [_label(value, name) for value, name in enumerate(PATTERNS, start=1)],
        }
        record = sample_record()
        record["settings"] = _settings()
        record["regions"] = {name: dict(record["regions"]["whole lung"]) for name in ("whole lung", *THIRDS)}
        record["labels"] = labels
        self._record = {**record, **changes}
        edges = [-1000.0, -950.0, -900.0, -850.0]
        counts = {name: [10 + index, 60, 30] for index, name in enumerate(self._record["regions"])}
        measures = {"regions": self._record["regions"], "histogram": {"edges_hu": edges, "voxels": counts}}
        self.outputs["measures_json"] = folder / "measures.json"
        self.outputs["measures_json"].write_text(json.dumps(measures))
        self.outputs["measures"] = _table(folder / "measures.csv", self._record["regions"])
        if self._record.get("change"):
            self.outputs["change"] = _table(folder / "change.csv", self._record["change"]["regions"])

    def result(self) -> dict[str, Any]:
        return json.loads(json.dumps(self._record))


def import_sample_result(folder: Path, volume: Any, **changes: Any) -> Any:
    """Bring the sample result into the scene and return its nodes."""
    import slicer
    from EmphysemaXAILib.EmphysemaRequest import EmphysemaRequest
    from EmphysemaXAILib.EmphysemaResultImport import EmphysemaResultImport
    from mambamed.emphysema.settings import EmphysemaSettings

    directory = SampleDirectory(folder, volume, **changes)
    importer = EmphysemaResultImport(EmphysemaRequest(volume, EmphysemaSettings()), directory.grid, slicer.mrmlScene)
    return importer(directory, SampleJob())


def _settings() -> dict[str, Any]:
    from mambamed.emphysema.settings import EmphysemaSettings

    return EmphysemaSettings(compute=("density", "patterns", "severity", "explanations")).to_json()


def _label(value: int, name: str) -> dict[str, Any]:
    return {"value": value, "name": name, "color": [30 * value, 90, 200]}


def _table(path: Path, rows: dict[str, dict[str, Any]]) -> Path:
    names = list(next(iter(rows.values())))
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["region", *names])
        for region, values in rows.items():
            writer.writerow([region, *("" if values[name] is None else values[name] for name in names)])
    return path
