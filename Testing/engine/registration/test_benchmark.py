"""The benchmark runs to its end on small volumes and fills its tables."""

from __future__ import annotations

import pytest
from mambamed.registration import benchmark


def test_tables_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_DESCRIBED_SIDE", 24)
    monkeypatch.setattr(benchmark, "_HEAD_SIZE", (30, 34, 28))
    monkeypatch.setattr(benchmark, "_DEFORMED_SIDE", 40)
    said: list[str] = []
    result = benchmark.run(said.append)
    assert len(said) >= 4
    for table in result["tables"]:
        assert table["rows"]
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    assert len(result["tables"]) == 3
    before, after = result["tables"][2]["rows"][0][4].split(" -> ")
    assert float(before) > 1.0
    assert float(after) < float(before)
