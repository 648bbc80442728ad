from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine.segmentation.tiny_dataset import write_tiny_dataset
from mambamed.cli.main import main
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.states import JobState
from mambamed.models.catalogue import find_model

OPTIONS = ["--fold", "0", "--epochs", "1", "--iterations", "1", "--validation-iterations", "1", "--device", "cpu"]


def test_command_trains_in_a_job_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_tiny_dataset(tmp_path / "Dataset031_Box")
    output = tmp_path / "job"
    words = ["train", "segmentation", "--dataset", str(dataset), "-o", str(output), *OPTIONS, "--json"]
    assert main([*words, "--processes", "1", "--loader-processes", "0"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "done"
    record = json.loads((output / "result.json").read_text(encoding="utf-8"))
    model = output / record["outputs"]["model"]
    assert model.parent == Path(answer["model"])
    assert (model / "fold_0/checkpoint_final.pth").is_file()
    assert (model / "plans.json").is_file()
    assert record["settings"]["architecture"] == "umamba-bot"
    assert record["durations_s"]["train"] > 0
    assert "validation Dice" in record["metrics"]
    card = find_model(model).card
    assert not card.derived
    assert card.training_data == "Box: 4 training cases, 1 held out (fold 0)."
    assert [(label.value, label.name) for label in card.labels] == [(1, "box")]
    assert card.metrics[0].value == pytest.approx(record["metrics"]["validation Dice"])
    assert card.title == "Box (U-Mamba Bot, 3d_fullres)"


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


def wait_until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 500
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def finished_epochs(job: JobDirectory) -> list[int]:
    events = [event for event in job.events() if event["kind"] == "metric" and event["name"] == "training loss"]
    return [event["step"] for event in events]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_killed_training_resumes_after_its_last_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_tiny_dataset(tmp_path / "Dataset031_Box")
    job = JobDirectory(tmp_path / "job")
    words = ["train", "segmentation", "--dataset", str(dataset), "-o", str(job.path), *OPTIONS, "--detach"]
    words[words.index("--epochs") + 1] = "4"
    assert main([*words, "--iterations", "3", "--processes", "1", "--loader-processes", "0"]) == 0
    wait_until(lambda: finished_epochs(job) or job.state().is_final, "the first epoch")
    process = job.status().process
    assert process is not None, job.log_tail()
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: job.state().is_final, "the end after the kill")
    assert job.state() is JobState.FAILED
    before = finished_epochs(job)
    assert 1 <= len(before) < 4
    assert main(["job", "resume", str(job.path)]) == 0
    wait_until(lambda: job.state().is_final, "the end")
    assert job.state() is JobState.DONE, job.status().message
    # Nothing that was saved is done again: at most the last epoch, whose report the kill may have overtaken.
    assert finished_epochs(job)[len(before) :] in ([*range(before[-1] + 1, 5)], [*range(before[-1] + 2, 5)])
    assert job.status().attempt == 2
    assert find_model(job.outputs_folder / "model").card.metrics
