from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.cli.main import main
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState

pytestmark = pytest.mark.usefixtures("warm_engine")


@pytest.fixture
def segment(tmp_path, small_model):
    """Call ``mambamed segment`` with the small model and the output ``out/seg.nii.gz``."""

    def call(*words, output=tmp_path / "out" / "seg.nii.gz", model=small_model):
        common = ["-o", str(output), "--model", str(model), "--device", "cpu"]
        return main(["segment", *common, *map(str, words)])

    return call


def test_result_lies_on_the_grid_of_the_input_with_volumes_and_record(tmp_path, segment, write_volume, capsys):
    source = write_volume()
    assert segment(source, "--step-size", "1", "--uncertainty") == ExitCode.DONE
    folder = tmp_path / "out"
    labelmap, image = (sitk.ReadImage(str(path)) for path in (folder / "seg.nii.gz", source))
    assert labelmap.GetSize() == image.GetSize()
    for read in (sitk.Image.GetSpacing, sitk.Image.GetOrigin, sitk.Image.GetDirection):
        assert np.allclose(read(labelmap), read(image), atol=1e-5)
    record = json.loads((folder / "seg_record.json").read_text(encoding="utf-8"))
    assert record["settings"]["step_size"] == 1
    assert record["outputs"]["segmentation"] == "seg.nii.gz"
    assert len(record["inputs"][0]["sha256"]) == 64
    assert record["device"] == "cpu"
    assert [label["name"] for label in record["labels"]] == ["one", "two", "three"]
    values = sitk.GetArrayFromImage(labelmap)
    rows = (folder / "seg_volumes.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "value,name,voxels,volume_ml"
    for value, row in enumerate(rows[1:], start=1):
        assert int(row.split(",")[2]) == np.count_nonzero(values == value)
        volume_ml = np.count_nonzero(values == value) * 1.2 * 0.9 * 2.0 / 1000
        assert float(row.split(",")[3]) == pytest.approx(volume_ml, abs=1e-4)
    assert record["outputs"]["uncertainty"] in [path.name for path in folder.iterdir()]
    printed = capsys.readouterr().out
    assert "Volume (ml)" in printed
    assert str(folder / "seg.nii.gz") in printed
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_answer_for_programs_and_kept_job(tmp_path, segment, write_volume, capsys):
    assert segment(write_volume(), "--json", "--job", tmp_path / "job", output=tmp_path / "folder") == ExitCode.DONE
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "done"
    assert answer["outputs"]["segmentation"] == str(tmp_path / "folder" / "segmentation.nii.gz")
    assert {row["name"] for row in answer["volumes"]} == {"one", "two", "three"}
    job = JobDirectory(tmp_path / "job")
    assert job.state() is JobState.DONE
    assert job.outputs["segmentation"].is_file()
    fractions = [event["fraction"] for event in job.events() if event["kind"] == "progress"]
    assert fractions == sorted(fractions)


def test_no_output_named(write_volume, capsys):
    assert main(["segment", str(write_volume())]) == ExitCode.BAD_REQUEST
    assert "--output" in capsys.readouterr().err


def test_detached_needs_a_job_folder(write_volume, capsys):
    assert main(["segment", str(write_volume()), "--detach"]) == ExitCode.BAD_REQUEST
    assert "--job" in capsys.readouterr().err


def not_an_image(write_volume):
    path = write_volume()
    path.write_text("This is not an image.")
    return [path]


def no_bytes(write_volume):
    path = write_volume()
    path.write_bytes(b"")
    return [path]


def with_nan(write_volume):
    array = np.random.default_rng(0).normal(size=(9, 10, 11)).astype(np.float32)
    array[4, 5, 6] = np.nan
    return [write_volume(array=array)]


BAD_INPUTS = {
    "missing file": (lambda write: [write().with_name("other.nii.gz")], [], "does not exist"),
    "not an image": (not_an_image, [], "is not an image"),
    "no bytes": (no_bytes, [], "0 bytes"),
    "empty volume": (lambda write: [write(array=np.zeros((9, 10, 11), np.float32))], [], "empty"),
    "NaN": (with_nan, [], "NaN"),
    "too many channels": (lambda write: [write(), write("second.nii.gz")], [], "2"),
    "four dimensions": (lambda write: [write(array=np.eye(60, dtype=np.float32).reshape(3, 4, 5, 60))], [], "4D"),
    "absurd spacing": (lambda write: [write(spacing=(1e5, 1.0, 1.0))], [], "spacing"),
    "missing fold": (lambda write: [write()], ["--folds", "3"], "Fold 3"),
    "missing checkpoint": (lambda write: [write()], ["--checkpoint", "best.pth"], "best.pth"),
    "no such device": (lambda write: [write()], ["--device", "cuda:7"], "cuda:7"),
    "no such backend": (lambda write: [write()], ["--scan-backend", "abacus"], "abacus"),
    "no such label": (lambda write: [write()], ["--labels", "spleen"], "spleen"),
    "region outside": (lambda write: [write()], ["--region", "900", "910", "900", "910", "900", "910"], "region"),
    "step size": (lambda write: [write()], ["--step-size", "0"], "step size"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, segment, write_volume, capsys, name):
    make, words, expected = BAD_INPUTS[name]
    assert segment(*make(write_volume), *words) == ExitCode.BAD_REQUEST
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Warning: ")]
    assert line.startswith("mambamed: ")
    assert expected in line
    assert not (tmp_path / "out").exists()


def unreadable_models(folder):
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "plans.json").write_text("{")
    (folder / "broken" / "dataset.json").write_text("{}")
    (folder / "model.zip").write_bytes(b"PK not really")
    return [folder / "empty", folder / "broken", folder / "model.zip", folder / "none", "no-such-model"]


@pytest.mark.parametrize("index", range(5))
def test_unreadable_model(tmp_path, segment, write_volume, capsys, index):
    model = unreadable_models(tmp_path)[index]
    assert segment(write_volume(), model=model) == ExitCode.BAD_REQUEST
    (line,) = capsys.readouterr().err.splitlines()
    assert getattr(model, "name", model) in line
    assert not (tmp_path / "out").exists()


def test_existing_output_is_kept_unless_overwriting_is_allowed(tmp_path, segment, write_volume, capsys):
    output = tmp_path / "out" / "seg.nii.gz"
    output.parent.mkdir()
    output.write_text("mine")
    assert segment(write_volume()) == ExitCode.BAD_REQUEST
    assert "--overwrite" in capsys.readouterr().err
    assert output.read_text(encoding="utf-8") == "mine"
    assert segment(write_volume(), "--overwrite") == ExitCode.DONE
    assert sitk.ReadImage(str(output)).GetDimension() == 3


def test_output_folder_that_is_a_file(tmp_path, segment, write_volume, capsys):
    (tmp_path / "file").touch()
    assert segment(write_volume(), output=tmp_path / "file" / "seg.nii.gz") == ExitCode.BAD_REQUEST
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are a matter of POSIX")
def test_full_disk_is_said_and_nothing_is_left(tmp_path, small_model, write_volume):
    """A limit on the size of every file stands in for the full disk: the probability maps do not fit."""
    output = tmp_path / "out" / "seg.nii.gz"
    command = [sys.executable, "-m", "mambamed", "segment", str(write_volume()), "-o", str(output)]
    command += ["--model", str(small_model), "--step-size", "1", "--probabilities", "--device", "cpu"]
    limited = ["bash", "-c", 'ulimit -f 16; exec "$@"', "limited", *command]  # blocks of 1024 bytes
    finished = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert finished.returncode == ExitCode.FAILED
    assert "could not be written" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
