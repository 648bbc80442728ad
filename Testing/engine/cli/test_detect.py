"""``mambamed detect``, ``batch detection`` and ``models check`` with a detector of random weights."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from engine.detection.tiny_detectors import write_detector
from mambamed.cli.main import main
from mambamed.detection.settings import DetectionSettings
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.states import ExitCode

pytestmark = pytest.mark.usefixtures("warm_engine")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return write_detector(tmp_path_factory.mktemp("detector") / "tiny", score_threshold=0.0)


@pytest.fixture
def write_picture(tmp_path):
    def write(name, seed=0):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        values = np.random.default_rng(seed).integers(0, 255, (47, 61), dtype=np.uint8)
        sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
        return path

    return write


@pytest.fixture
def detect(detector):
    def call(image, *words):
        options = ["--model", str(detector), "--device", "cpu", "--maximum-boxes", "9"]
        return main(["detect", str(image), *options, *words])

    return call


def test_a_picture(tmp_path, write_picture, detect, capsys):
    output = tmp_path / "out"
    assert detect(write_picture("a.png"), "-o", str(output)) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "nodule" in printed
    assert "Length (px)" in printed
    assert "is a demonstration" in printed
    names = {path.name for path in output.iterdir()}
    assert names == {"detections.json", "detections.csv", "detections.mrk.json", "detections.txt", "record.json"}
    found = json.loads((output / "detections.json").read_text(encoding="utf-8"))
    assert len(found["boxes"]) == 9
    record = json.loads((output / "record.json").read_text(encoding="utf-8"))
    assert record["settings"]["maximum_boxes"] == 9
    assert detect(write_picture("a.png"), "-o", str(output)) == ExitCode.BAD_REQUEST
    assert "exists" in capsys.readouterr().err
    assert detect(write_picture("a.png"), "-o", str(output), "--overwrite", "--json") == ExitCode.DONE
    answer = json.loads(capsys.readouterr().out)
    assert sum(count["boxes"] for count in answer["counts"].values()) == 9


def test_a_slab_of_a_volume(tmp_path, write_volume, detect, capsys):
    output = tmp_path / "out"
    assert detect(write_volume(), "-o", str(output), "--slices", "2", "4", "--labels", "vessel") == ExitCode.DONE
    assert "Objects" in capsys.readouterr().out
    found = json.loads((output / "detections.json").read_text(encoding="utf-8"))
    assert {box["label"] for box in found["boxes"]} == {"vessel"}
    assert {box["slice"] for box in found["boxes"]} == {2, 3, 4}
    assert (output / "dota" / "slice_0003.txt").is_file()
    assert (output / "objects.csv").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "out.png"], "names an image file"),
        ([], "--output"),
        (["--detach", "-o", "out"], "--detach needs --job"),
        (["-o", "OUT", "--labels", "cyst"], "does not know cyst; its labels are nodule, vessel"),
        (["-o", "OUT", "--score", "2"], "score_threshold is 2.0"),
        (["-o", "OUT", "--model", "nothing"], "There is no model 'nothing'"),
        (["-o", "OUT", "--model", "brain-tissue-mr"], "not an oriented detector"),
    ],
)
def test_bad_requests(tmp_path, write_picture, detect, words, message, capsys):
    words = [str(tmp_path / "out") if word == "OUT" else word for word in words]
    assert detect(write_picture("a.png"), *words) == ExitCode.BAD_REQUEST
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_not_there(tmp_path, detect, capsys):
    assert detect(tmp_path / "none.png", "-o", str(tmp_path / "out")) == ExitCode.BAD_REQUEST
    assert "none.png does not exist" in capsys.readouterr().err


def test_options_become_settings(tmp_path, write_picture, detector, monkeypatch):
    requests = []
    monkeypatch.setattr("mambamed.cli.running.start_in_background", lambda request, *_: requests.append(request) or 0)
    words = "--slice-axis coronal --slices 1 5 --region 0 1 2 3 4 5 --intensity-range -1000 400 --pixel-spacing-mm 0.7 "
    words += "--score 0.3 --overlap 0.2 --no-linking --link-overlap 0.4 --link-gap 2 --minimum-slices 3 --flips "
    words += "--tile-size 256 --tile-overlap 32 --batch-size 4 --precision bfloat16 --seed 7"
    image = str(write_picture("a.png"))
    main(["detect", image, "--model", str(detector), "--detach", "--job", str(tmp_path / "job"), *words.split()])
    assert DetectionSettings.from_json(requests[0].settings) == DetectionSettings(
        model=str(detector),
        slice_axis="coronal",
        slices=(1, 5),
        region_of_interest_lps_mm=(0, 1, 2, 3, 4, 5),
        intensity_range=(-1000, 400),
        pixel_spacing_mm=0.7,
        score_threshold=0.3,
        nms_threshold=0.2,
        link_slices=False,
        link_overlap=0.4,
        link_gap=2,
        minimum_slices=3,
        flips=True,
        tile_size_px=256,
        tile_overlap_px=32,
        batch_size=4,
        precision="bfloat16",
        seed=7,
    )


def test_batch_goes_on_after_a_bad_case_and_continues(tmp_path, write_picture, write_volume, detector, capsys):
    write_picture("a.png")
    bad = write_picture("bad.png")
    write_volume("c.nrrd")
    bad.write_text("no image", encoding="utf-8")
    output = tmp_path / "out"
    words = ["batch", "detection", str(bad.parent), "-o", str(output), "--model", str(detector), "--device", "cpu"]
    words += ["--maximum-boxes", "5"]
    assert main(words) == ExitCode.FAILED
    assert "2 of 3 cases are done" in capsys.readouterr().out
    rows = _summary(output)
    assert {name: row["state"] for name, row in rows.items()} == {"a": "done", "bad": "failed", "c": "done"}
    assert "is not an image" in rows["bad"]["message"]
    assert int(rows["a"]["nodule (boxes)"]) + int(rows["a"]["vessel (boxes)"]) == 5
    assert rows["a"]["nodule (objects)"] == ""
    assert int(rows["c"]["nodule (objects)"]) + int(rows["c"]["vessel (objects)"]) > 0
    assert float(rows["c"]["largest score"]) > 0
    assert JobDirectory(output / "a").outputs["detections"].is_file()

    write_picture("bad.png", seed=3)
    assert main([*words, "--json"]) == ExitCode.DONE
    answers = {answer["case"]: answer for answer in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {name: answer["was_done_before"] for name, answer in answers.items()} == {"a": True, "bad": False, "c": True}
    assert _summary(output)["bad"]["state"] == "done"


def test_a_table_of_cases(tmp_path, write_picture, detector):
    write_picture("a.png")
    table = tmp_path / "in" / "list.csv"
    table.write_text("case,image\nfirst,a.png\nsecond,none.png\n", encoding="utf-8")
    words = ["--model", str(detector), "--device", "cpu", "--maximum-boxes", "3"]
    assert main(["batch", "detection", str(table), "-o", str(tmp_path / "out"), *words]) == ExitCode.FAILED
    rows = _summary(tmp_path / "out")
    assert rows["first"]["state"] == "done"
    assert "none.png does not exist" in rows["second"]["message"]


def test_a_case_with_several_images_is_refused(tmp_path, write_picture, detector, capsys):
    write_picture("a_0000.png")
    source = write_picture("a_0001.png").parent
    assert main(["batch", "detection", str(source), "-o", str(tmp_path / "out"), "--model", str(detector)]) == (
        ExitCode.BAD_REQUEST
    )
    assert "has 2 images (a_0000.png, a_0001.png); a detection takes one" in capsys.readouterr().err


def test_models_check_loads_a_detector(detector, capsys):
    assert main(["models", "check", str(detector)]) == ExitCode.DONE
    assert "tiny-detector can be used" in capsys.readouterr().out


def _summary(folder):
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}
