"""The benchmark of the networks measures every one of the paper's eight."""

from __future__ import annotations

import pytest
from mambamed.errors import MambaMedError
from mambamed.registration.networks import benchmark


def test_eight_networks_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_in_a_process", lambda name: {**benchmark.measure_network(name, 16), "name": name})
    monkeypatch.setattr(benchmark, "_REPETITIONS", 1)
    said: list[str] = []
    result = benchmark.run(said.append)
    (table,) = result["tables"]
    assert len(said) == len(table["rows"]) == 8
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    # Table 1 of the paper; VMambaMorph's differ: the corrected one scans in six directions.
    parameters = {tuple(row[:2]): row[2] for row in table["rows"]}
    assert parameters["MambaMorph", "no"] == "7.305"
    assert parameters["MambaMorph", "yes"] == "7.595"
    assert parameters["VoxelMorph", "yes"] == "0.158"
    assert parameters["TransMorph", "no"] == "14.287"
    assert all(value["seconds"] > 0 for value in result["data"].values())


def test_a_process_measures_one_network_and_a_failing_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_SIDE", 16)
    found = benchmark._in_a_process("voxelmorph")
    assert found["parameters"] == 92_179
    assert found["extra_bytes"] is None or found["extra_bytes"] >= 0
    with pytest.raises(MambaMedError, match="could not be measured"):
        benchmark._in_a_process("nothing")
