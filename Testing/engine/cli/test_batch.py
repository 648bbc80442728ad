from __future__ import annotations

import csv
import json

import pytest
from mambamed.cli.batch import _batch_progress
from mambamed.cli.main import main
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState
from mambamed.jobs.status import JobStatus

pytestmark = pytest.mark.usefixtures("warm_engine")


@pytest.fixture
def batch(tmp_path, small_model):
    def call(source, *words):
        common = ["-o", str(tmp_path / "out"), "--model", str(small_model), "--device", "cpu", "--step-size", "1"]
        return main(["batch", "segment", str(source), *common, *words])

    return call


@pytest.fixture
def summary(tmp_path):
    def read():
        with (tmp_path / "out" / "summary.csv").open(newline="", encoding="utf-8") as stream:
            return {row["case"]: row for row in csv.DictReader(stream)}

    return read


def test_batch_goes_on_after_a_bad_case_and_continues_when_run_again(tmp_path, batch, summary, write_volume, capsys):
    good, bad = write_volume("good.nii.gz"), write_volume("bad.nii.gz")
    write_volume("last.nrrd")
    bad.write_text("no image")
    assert batch(good.parent) == ExitCode.FAILED
    printed = capsys.readouterr().out
    assert "2 of 3 cases are done" in printed
    assert "bad: failed: " in printed
    rows = summary()
    assert {name: row["state"] for name, row in rows.items()} == {"good": "done", "bad": "failed", "last": "done"}
    assert "is not an image" in rows["bad"]["message"]
    assert (tmp_path / "out" / rows["good"]["segmentation"]).is_file()
    assert float(rows["good"]["one (ml)"]) >= 0
    assert rows["bad"]["one (ml)"] == ""

    write_volume("bad.nii.gz")
    assert batch(good.parent, "--json") == ExitCode.DONE
    answers = {answer["case"]: answer for answer in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {name: answer["was_done_before"] for name, answer in answers.items()} == {
        "good": True,
        "bad": False,
        "last": True,
    }
    assert summary()["bad"]["state"] == "done"
    assert float(summary()["good"]["duration_s"]) > 0

    assert batch(good.parent, "--uncertainty") == ExitCode.BAD_REQUEST
    assert "--overwrite" in capsys.readouterr().err


def test_table_with_a_missing_image(tmp_path, batch, summary, write_volume, capsys):
    write_volume("a.nii.gz")
    table = tmp_path / "in" / "list.csv"
    table.write_text("case,image\nfirst,a.nii.gz\nsecond,none.nii.gz\n")
    assert batch(table) == ExitCode.FAILED
    rows = summary()
    assert rows["first"]["state"] == "done"
    assert "none.nii.gz does not exist" in rows["second"]["message"]


@pytest.mark.parametrize("words", [["--workers", "0"], ["--step-size", "7"]])
def test_bad_options(tmp_path, batch, write_volume, words, capsys):
    assert batch(write_volume().parent, *words) == ExitCode.BAD_REQUEST
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_progress_of_the_batch_counts_finished_cases_and_the_running_one():
    event = _batch_progress("head", JobStatus(JobState.RUNNING, stage="segmenting", fraction=0.5), 3, 10)
    assert event["fraction"] == 0.35
    assert event["stage"] == "case 4 of 10, head: segmenting"
