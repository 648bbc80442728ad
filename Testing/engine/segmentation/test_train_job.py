from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine.segmentation.tiny_dataset import write_tiny_dataset
from mambamed.cli.main import main

OPTIONS = ["--fold", "0", "--epochs", "1", "--iterations", "1", "--validation-iterations", "1", "--device", "cpu"]


def test_command_trains_in_a_job_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_tiny_dataset(tmp_path / "Dataset031_Box")
    output = tmp_path / "job"
    words = ["train", "segmentation", "--dataset", str(dataset), "-o", str(output), *OPTIONS, "--json"]
    assert main([*words, "--processes", "1", "--loader-processes", "0"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "done"
    record = json.loads((output / "result.json").read_text())
    model = output / record["outputs"]["model"]
    assert model.parent == Path(answer["model"])
    assert (model / "fold_0/checkpoint_final.pth").is_file()
    assert (model / "plans.json").is_file()
    assert record["settings"]["architecture"] == "umamba-bot"
    assert record["durations_s"]["train"] > 0
    assert "validation Dice" in record["metrics"]


def test_bad_dataset_is_a_bad_request_with_all_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_tiny_dataset(tmp_path / "Dataset031_Box", cases=2)
    (dataset / "labelsTr/c0.nii.gz").unlink()
    (dataset / "imagesTr/c1_0000.nii.gz").write_bytes(b"")
    words = ["train", "segmentation", "--dataset", str(dataset), "-o", str(tmp_path / "job"), *OPTIONS]
    assert main(words) == 2
    message = capsys.readouterr().err
    assert "c0: the label file is missing" in message
    assert "c1: c1_0000.nii.gz cannot be read as an image" in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--dataset", "{tmp}/liver"], "Dataset001_Liver"),
        (["--dataset", "{tmp}/Dataset001_X", "--epochs", "0"], "epochs"),
        (["--dataset", "{tmp}/Dataset001_X", "--recipe", "brain-tissue-mr"], "not allowed with"),
        ([], "required"),
    ],
)
def test_bad_options_end_before_any_folder_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    filled = [word.replace("{tmp}", str(tmp_path)) for word in words]
    assert main(["train", "segmentation", "-o", str(tmp_path / "job"), *filled]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "job").exists()
