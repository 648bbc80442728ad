"""The benchmark runs, is complete, and its table judges by the numbers."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from mambamed.scan import benchmark
from mambamed.scan import memory_probe
from mambamed.scan.benchmark_table import format_scan_benchmark
from mambamed.scan.benchmark_table import scan_tables


def test_run_measures_every_usable_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_LONG", 600)
    monkeypatch.setattr(benchmark, "_SHORT", 70)
    monkeypatch.setattr(benchmark, "_in_own_process", lambda *arguments: {"ratio": 1.5})
    threads = torch.get_num_threads()
    said: list[str] = []
    result = benchmark.run(said.append)
    assert torch.get_num_threads() == threads
    assert said
    data = json.loads(json.dumps(result["data"]))
    rows = {(row["backend"], row["length"]): row for row in data["cpu"]["rows"]}
    assert set(rows) == {("numba", 600), ("numba", 70), ("torch", 70), ("reference", 70)}
    for row in rows.values():
        assert row["updates_per_s"] == pytest.approx(64 * 16 * row["length"] / row["forward_s"])
    assert all(len(row) == len(table["columns"]) for table in result["tables"] for row in table["rows"])
    assert any("Copying the same inputs" in note for note in result["notes"])


def test_table_says_which_aims_are_missed() -> None:
    rows = [
        {"backend": "numba", "length": 200_000, "forward_s": 0.1, "updates_per_s": 2e9, "backward_s": 0.5}
        | {"backward_to_forward": 5.0},
        {"backend": "numba", "length": 20_000, "forward_s": 0.01, "updates_per_s": 2e9},
    ]
    result = {
        "machine": dict.fromkeys(("processor", "threads", "cores", "python", "torch", "mambamed"), "x"),
        "sizes": {"batch": 1, "channels": 64, "state": 16, "dtype": "float32"},
        "availability": {"numba": None, "triton": "no GPU"},
        "cpu": {
            "rows": rows,
            "numba_against_reference": 46.0,
            "copy_of_inputs_s": 0.01,
            "extra_memory": {"training": {"ratio": 3.2}},
        },
    }
    verdicts = [row[-1] for row in scan_tables(result)[1]["rows"]]
    assert verdicts == ["met", "missed", "met", "missed"]
    text = format_scan_benchmark(result)
    assert "10 % of the forward time at length 200,000: arithmetic bounds it" in text
    assert "`triton` (no GPU)" in text


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["forward", "training"])
def test_no_tensor_over_all_states_is_made(kind: str) -> None:
    # A tensor (batch, channels, length, state) alone would be 4.6 times the inputs.
    measured = benchmark._in_own_process(memory_probe.__name__, "40000", kind)
    assert measured["input_bytes"] > 3e7
    assert 0.2 < measured["ratio"] < 3.0
