"""The tables of the comparison of methods, from a tiny training of everything and from given numbers."""

from __future__ import annotations

from pathlib import Path

from mambamed.detection.benchmark import SETTINGS
from mambamed.detection.benchmark import measure
from mambamed.detection.benchmark import summary


def test_tables_of_trained_methods(tmp_path: Path) -> None:
    tiny = SETTINGS.replace(
        synthetic_images=2,
        synthetic_test_images=1,
        synthetic_size_px=64,
        tile_px=64,
        epochs=1,
        batch_size=2,
        width=0.125,
        feature_channels=8,
    )
    said: list[str] = []
    results = measure(tmp_path, said.append, tiny, method_seeds=(0, 1), ablation_seeds=(0,))
    content = summary(results, tiny)
    methods, ablations = content["tables"]
    assert [row[0] for row in methods["rows"]] == ["dcfl", "atss-o", "retinanet-o"]
    assert all(len(row) == len(methods["columns"]) for row in methods["rows"])
    assert len(ablations["rows"]) == 3 + 5 + 5
    # 3 methods with two seeds; of the 13 rows 3 are DCFL's own settings, which seed 0 has trained already.
    assert len(list((tmp_path / "rows").iterdir())) == 6 + 10
    assert any("Training on" in line for line in said)
    assert any("cannot be compared" in note for note in content["notes"])


def test_means_and_spreads() -> None:
    one = {"ap50": 0.5, "ap75": 0.25, "mean_sensitivity": 0.1, "ap50 ship": 0.5, "objects": 7}
    other = {**one, "ap50": 0.7}
    results = {
        "methods": [{"row": "dcfl", "measures": [one, other]}],
        "ablations": [{"row": "q-8", "measures": [one]}],
    }
    methods, ablations = summary(results, SETTINGS)["tables"]
    assert methods["rows"] == [["dcfl", "0.600 ± 0.141", "0.250 ± 0.000", "0.100 ± 0.000", "0.500 ± 0.000"]]
    assert ablations["rows"] == [["q-8", "0.500", "0.250", "58.6", "87.3", "59.0"]]
