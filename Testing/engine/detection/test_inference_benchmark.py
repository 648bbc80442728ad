"""The measurement of a detection's time and memory."""

from __future__ import annotations

import dataclasses
import platform

from mambamed.detection import inference_benchmark
from mambamed.detection.inference_benchmark import CASES
from mambamed.detection.inference_benchmark import measure_speed


def test_a_small_case_is_measured() -> None:
    case = dataclasses.replace(CASES[-1], width=150, height=90, tile_px=96, overlap_px=16)
    found = measure_speed(case, "cpu", runs=1)
    assert found["seconds"] > 0
    assert found["tiles"] == 2
    if platform.system() == "Linux" and found["extra_mb"] is not None:
        assert found["extra_mb"] > 0


def test_the_table_has_a_row_for_each_case(monkeypatch) -> None:
    measured = {"seconds": 1.234, "seconds_per_megapixel": 4.7, "tiles": 9, "extra_mb": None}
    monkeypatch.setattr(inference_benchmark, "measure_speed", lambda case: measured)
    said: list[str] = []
    result = inference_benchmark.run(said.append)
    (table,) = result["tables"]
    assert [row[0] for row in table["rows"]] == [case.name for case in CASES]
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    assert len(said) == len(CASES)
