"""The benchmark on phantoms runs to its page."""

from __future__ import annotations

import json

from engine.emphysema.small_lungs import write_tiny_severity_model
from mambamed.emphysema import benchmark
from mambamed.emphysema.benchmark_table import benchmark_text
from mambamed.emphysema.explain.settings import METHODS
from mambamed.emphysema.severity.model import load_severity_model


def test_it_measures_severity_and_every_method(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "INTEGRATION_STEPS", 4)
    model = load_severity_model(write_tiny_severity_model(tmp_path / "model"), "cpu")
    result = benchmark.run_benchmark(model, tmp_path / "phantoms", count=4, explained=2, checked=1)
    assert result["severity"]["cases"] == 4
    for method in METHODS:
        assert result["explanations"][method]["all"]["phantoms"] == 2
        assert 0.0 <= result["explanations"][method]["all"]["dice"] <= 1.0
        assert result["checks"][method]["deletion"]["phantoms"] == 1
    json.dumps(result, allow_nan=False)
    text = benchmark_text(result)
    assert text.count("| integrated-gradients | completeness |") == 1
    assert "None" not in text
