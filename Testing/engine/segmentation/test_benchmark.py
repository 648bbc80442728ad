"""The benchmark's own parts: its models, one measured prediction, its table. No time is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.segmentation.benchmark import _dice
from mambamed.segmentation.benchmark import _predict
from mambamed.segmentation.benchmark_models import write_random_model
from mambamed.segmentation.benchmark_table import format_segmentation_benchmark
from mambamed.segmentation.benchmark_table import segmentation_tables


def test_both_engines_in_processes_of_their_own(tmp_path: Path) -> None:
    image, labels = ellipsoid_phantom(size=(22, 30, 18), spacing_mm=(1.0, 1.0, 2.0))
    strides = ((1, 1, 1), (1, 2, 2), (2, 2, 2))
    folder = write_random_model(tmp_path, "nnUNetTrainer", (8, 24, 20), (2.0, 1.0, 1.0), strides, image, labels)
    path = tmp_path / "image.nii.gz"
    sitk.WriteImage(image, str(path))
    results = {}
    for engine in ("mambamed", "nnunet"):
        arguments = [engine, "--precision", "float32"] if engine == "mambamed" else [engine]
        measured = _predict(str(folder), path, tmp_path / f"{engine}.npy", arguments)
        assert measured["seconds"] > 0
        assert measured["peak_bytes"] >= measured["loaded_bytes"] > 50e6
        results[engine] = np.load(tmp_path / f"{engine}.npy")
    assert len(np.unique(results["nnunet"])) == 4
    assert np.mean(results["mambamed"] == results["nnunet"]) >= 0.9999
    expected = sitk.GetArrayFromImage(labels)
    assert _dice(results["nnunet"] == 1, expected == 1) > 0.4


def make_result(seconds: float) -> dict[str, Any]:
    def run(time: float, peak: float, **more: Any) -> dict[str, Any]:
        return {"seconds": time, "cpu_seconds": time, "peak_bytes": peak, "loaded_bytes": 1e8, **more}

    versions = dict.fromkeys(("torch", "nnunetv2", "mambamed"), "1")
    agreement = {"equal_voxels": 0.99995, "dice": {"1": 0.999, "2": 0.9}}
    return {
        "quick": False,
        "machine": {"processor": "P", "threads": 2, "cores": 2, "versions": versions},
        "image": {"name": "T1", "size": [1, 2, 3]},
        "models": [
            {
                "name": "net",
                "runs": {
                    "mambamed": run(seconds, 1e9, dtype="bfloat16"),
                    "mambamed float32": run(20.0, 1e9, dtype="float32"),
                    "nnunetv2 without mirroring": run(30.0, 2e9),
                },
                "agreement": {"mambamed": agreement, "mambamed float32": agreement},
            }
        ],
    }


def test_table_says_what_was_not_reached() -> None:
    aims = segmentation_tables(make_result(15.0))[-1]["rows"]
    assert [(row[1], row[-1]) for row in aims] == [
        ("speed against nnunetv2 without mirroring", "no"),
        ("peak memory against nnunetv2", "yes"),
        ("lowest Dice of a label", "no"),
        ("equal voxels in float32 (%)", "yes"),
    ]
    assert segmentation_tables(make_result(10.0))[-1]["rows"][0][-1] == "yes"
    for table in segmentation_tables(make_result(15.0)):
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}
    text = format_segmentation_benchmark(make_result(15.0))
    assert "| mambamed (bfloat16) | 15.0 |" in text
    assert "99.9950" in text
