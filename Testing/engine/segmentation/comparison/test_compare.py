from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine.segmentation.tiny_dataset import write_tiny_dataset
from mambamed.cli.main import main
from mambamed.errors import BadRequestError
from mambamed.segmentation.comparison import compare
from mambamed.segmentation.comparison.settings import ComparisonSettings

TRAINING = {
    "epochs": 1,
    "iterations": 1,
    "validation_iterations": 1,
    "device": "cpu",
    "processes": 1,
    "loader_processes": 0,
    "precision": "float32",
}


@pytest.mark.slow
def test_command_compares_two_networks_on_two_folds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_tiny_dataset(tmp_path / "Dataset031_Box")
    words = ["compare", "segmentation", "--dataset", str(dataset), "-o", str(tmp_path / "job"), "--folds", "0", "3"]
    words += ["--architectures", "plain", "umamba-bot", "--epochs", "1", "--iterations", "1", "--device", "cpu"]
    words += ["--validation-iterations", "1", "--processes", "1", "--loader-processes", "0", "--tolerance", "2"]
    assert main([*words, "--precision", "float32"]) == 0
    text = capsys.readouterr().out
    assert "| plain |" in text
    assert "| umamba-bot | DSC |" in text
    assert "nnU-Net Revisited" in text
    content = json.loads((tmp_path / "job/outputs/compare.json").read_text(encoding="utf-8"))
    assert content["baseline"] == "plain"
    assert list(content["methods"]) == ["plain", "umamba-bot"]
    tested = {case["case"] for case in content["methods"]["plain"]["cases"]}
    assert len(tested) == 2, "five cases in five folds: one for each of the two"
    assert content["tests"]["dice"]["umamba-bot"]["cases"] == 2
    assert content["tests"]["nsd"]["umamba-bot"]["result"] == "too few cases to tell"
    assert content["facts"]["umamba-bot"]["parameters"] > content["facts"]["plain"]["parameters"]
    assert not (tmp_path / "job/training/preprocessed").exists()

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a finished training was begun again")

    monkeypatch.setattr(compare, "train_segmentation", refuse)
    settings = ComparisonSettings(("plain", "umamba-bot"), ("0", "3"), {**TRAINING, "dataset": str(dataset)})
    again = compare.compare_networks(settings, tmp_path / "job/training")
    assert again.methods["plain"].of_cases("dice").keys() == tested


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"architectures": ("plain",)}, "at least two"),
        ({"architectures": ("plain", "plain")}, "each once"),
        ({"folds": ("all",)}, "0 to 4"),
        ({"folds": ()}, "0 to 4"),
        ({"architectures": ("plain", "unknown")}, "architecture is 'unknown'"),
        ({"training": {"recipe": "brain-tissue-mr"}}, "data set folder"),
        ({"training": {"dataset": "liver"}}, "Dataset001_Liver"),
    ],
)
def test_bad_settings(changes: dict, expected: str) -> None:
    values = {"architectures": ("plain", "umamba-bot"), "training": {"dataset": "Dataset001_X"}, **changes}
    with pytest.raises(BadRequestError, match=expected):
        ComparisonSettings(**values)


def test_settings_survive_json() -> None:
    settings = ComparisonSettings(("plain", "resenc"), ("1",), {"dataset": "Dataset001_X", "epochs": 2}, {"": 2.0})
    assert ComparisonSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    with pytest.raises(BadRequestError, match="Unknown comparison settings: speed"):
        ComparisonSettings.from_json({"architectures": ["plain", "resenc"], "speed": 1})
