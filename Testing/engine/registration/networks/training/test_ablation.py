"""The table that compares variants of VMambaMorph."""

from __future__ import annotations

from mambamed.jobs.reporter import NullReporter
from mambamed.registration.networks.training import ablation
from mambamed.registration.networks.training.ablation import ablation_table
from mambamed.registration.networks.training.ablation import markdown


def test_every_variant_is_trained_on_the_same_pairs(monkeypatch) -> None:
    monkeypatch.setattr(ablation, "_SIZE", 16)
    monkeypatch.setattr(ablation, "_SMALL", {"embed_dim": 8, "state_size": 2, "depths": [1, 1, 1]})
    monkeypatch.setattr(ablation, "_EPOCHS", 1)
    rows = ablation_table(1, 3, 1, NullReporter())
    assert [(row["variant"], row["features"]) for row in rows] == [
        (name, architecture.endswith("_feat")) for architecture, name, _ in ablation.VARIANTS
    ]
    assert len({row["initial"]["dice_percent"]["mean"] for row in rows}) == 1
    # Six directions have more parameters than four, features more than none.
    assert rows[2]["parameters_million"] > rows[1]["parameters_million"]
    assert rows[5]["parameters_million"] > rows[2]["parameters_million"]
    assert rows[6]["parameters_million"] > rows[5]["parameters_million"]
    lines = markdown(rows).splitlines()
    assert len(lines) == 3 + len(rows)
    assert all(line.count(" | ") == lines[0].count(" | ") for line in lines[3:])
