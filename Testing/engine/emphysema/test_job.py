"""The job: what lies in its folder at the end, and the same through the command line and in a batch."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from engine.emphysema.conftest import draw_chest
from mambamed.cli.main import main
from mambamed.emphysema import job as emphysema_job
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.imaging.geometry import same_grid
from mambamed.jobs.context import JobContext
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.engine import Engine
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chest")
    chest = draw_chest(noise_hu=12.0)
    sitk.WriteImage(chest.image(), str(folder / "ct.nii.gz"))
    sitk.WriteImage(chest.image(chest.lungs.astype(np.uint8)), str(folder / "lungs.nii.gz"))
    return folder


def _run(tmp_path, inputs, **settings):
    request = JobRequest(
        task="emphysema",
        inputs=[{"name": name, "path": str(path), "sha256": None} for name, path in inputs],
        settings={"report": False, "compute": ["density"], **settings},
    )
    directory = JobDirectory(tmp_path / "job").create(request)
    job = JobContext(directory.path)
    job.begin()
    try:
        emphysema_job.run(request, job)
        job.complete()
    finally:
        job.abandon()
    return directory


def test_outputs_and_record(tmp_path, files):
    directory = _run(tmp_path, [("ct", files / "ct.nii.gz")], seed=4)
    record = directory.result()
    assert set(record["outputs"]) == {"regions", "airways", "low_attenuation", "measures", "measures_json"}
    ct = sitk.ReadImage(str(files / "ct.nii.gz"))
    regions = sitk.ReadImage(str(directory.outputs["regions"]))
    assert same_grid(regions, ct)
    assert {entry["value"] for entry in record["labels"]["regions"]} == set(range(1, 7))
    assert sitk.GetArrayFromImage(regions).max() == 6
    with directory.outputs["measures"].open(newline="") as stream:
        rows = {row["region"]: row for row in csv.DictReader(stream)}
    assert float(rows["left lung"]["volume_l"]) == pytest.approx(record["regions"]["left lung"]["volume_l"], rel=1e-5)
    assert list(rows["whole lung"])[:6] == ["region", "volume_l", "mass_g", "mean_hu", "sd_hu", "perc15_hu"]
    assert record["severity"] is None
    assert record["seed"] == 4
    assert record["inputs"][0]["sha256"]
    assert [entry["message"] for entry in record["warning_kinds"]] == record["warnings"]
    histogram = json.loads(directory.outputs["measures_json"].read_text(encoding="utf-8"))["histogram"]
    assert sum(histogram["voxels"]["whole lung"]) == record["regions"]["whole lung"]["voxels"]
    assert len(histogram["edges_hu"]) == len(histogram["voxels"]["whole lung"]) + 1
    fractions = [event["fraction"] for event in directory.events() if event["kind"] == "progress"]
    assert fractions == sorted(fractions)


def test_given_lungs_and_an_earlier_scan(tmp_path, files):
    inputs = [("ct", files / "ct.nii.gz"), ("lungs", files / "lungs.nii.gz"), ("previous_ct", files / "ct.nii.gz")]
    directory = _run(tmp_path, inputs)
    record = directory.result()
    lungs = sitk.GetArrayFromImage(sitk.ReadImage(str(files / "lungs.nii.gz"))) > 0
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(directory.outputs["regions"]))) > 0, lungs)
    with directory.outputs["change"].open(newline="") as stream:
        rows = {row["region"]: row for row in csv.DictReader(stream)}
    assert abs(float(rows["whole lung"]["volume_l"])) < 0.3
    assert set(record["change"]["regions"]) == set(rows)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["lungs"], 'an input named "ct"'),
        (["ct", "ct"], "given twice"),
        (["ct", "mr"], '"mr" is not one of the task'),
        (["ct", "previous_lungs"], "needs the earlier scan"),
    ],
)
def test_wrong_inputs(tmp_path, files, names, words):
    with pytest.raises(BadRequestError, match=words):
        _run(tmp_path, [(name, files / "ct.nii.gz") for name in names])


def test_cancel_leaves_nothing(tmp_path, files, monkeypatch):
    def cancelled(self):
        raise JobCancelledError("The job was cancelled.")

    monkeypatch.setattr(JobContext, "check_cancelled", cancelled)
    with pytest.raises(JobCancelledError):
        _run(tmp_path, [("ct", files / "ct.nii.gz")])
    assert JobDirectory(tmp_path / "job").outputs == {}


@pytest.fixture(scope="module")
def one_engine():
    with Engine(environment={"OMP_NUM_THREADS": "1"}) as engine:
        yield engine


@pytest.fixture
def warm_engine(one_engine, monkeypatch):
    """Let the commands share one engine process."""

    class Kept:
        run = one_engine.run

        def __init__(self, *arguments, **options):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def close(self):
            pass

    monkeypatch.setattr("mambamed.cli.running.Engine", Kept)
    monkeypatch.setattr("mambamed.jobs.cohort.Engine", Kept)


@pytest.mark.usefixtures("warm_engine")
def test_command(tmp_path, files, capsys):
    output = tmp_path / "out"
    common = ["emphysema", str(files / "ct.nii.gz"), "-o", str(output), "--no-report", "--noise-filter", "median"]
    common += ["--compute", "density"]
    assert main([*common, "--kernel", "B70f"]) == ExitCode.DONE
    printed = capsys.readouterr()
    assert "left upper third" in printed.out
    assert "Noise filter: median of 3 x 3 x 3 voxels" in printed.out
    assert "kernel" in printed.err
    assert (output / "measures.csv").exists()
    assert main(common) == ExitCode.BAD_REQUEST  # exists already
    capsys.readouterr()
    assert main([*common, "--overwrite", "--json"]) == ExitCode.DONE
    answer = json.loads(capsys.readouterr().out)
    assert answer["regions"]["whole lung"]["volume_l"] > 1
    assert answer["state"] == "done"
    for words in (["--lobe-names", "one"], ["--model", "", "--kilovolt-peak", "9000"], ["--lungs", "nowhere.nrrd"]):
        assert main([*common, "--overwrite", *words]) == ExitCode.BAD_REQUEST
    assert main(["emphysema", str(files / "ct.nii.gz")]) == ExitCode.BAD_REQUEST


@pytest.mark.usefixtures("warm_engine")
def test_batch_goes_on_after_a_bad_scan_and_continues(tmp_path, files, capsys):
    table = tmp_path / "cases.csv"
    table.write_text(
        f"case,ct,lungs,kernel\ngood,{files / 'ct.nii.gz'},,B70f\nlungs given,{files / 'ct.nii.gz'},"
        f"{files / 'lungs.nii.gz'},\nmissing,nowhere.nii.gz,,\nno ct,{files / 'lungs.nii.gz'},,\n"
    )
    output = tmp_path / "results"
    words = ["batch", "emphysema", str(table), "-o", str(output), "--no-report", "--compute", "density"]
    assert main(words) == ExitCode.FAILED
    with (output / "summary.csv").open(newline="") as stream:
        rows = {row["case"]: row for row in csv.DictReader(stream)}
    assert [rows[name]["state"] for name in rows] == ["done", "done", "failed", "failed"]
    assert float(rows["good"]["left upper third laa950_percent"]) >= 0
    assert "kernel" in rows["good"]["warnings"]
    assert "B70f" not in rows["lungs given"]["warnings"]
    assert "Hounsfield" in rows["no ct"]["message"]
    capsys.readouterr()
    assert main(words) == ExitCode.FAILED
    assert capsys.readouterr().out.count("was done before") == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("case,picture\na,b\n", "no column ct or image"),
        ("case,ct\na,\n", "lacks the path"),
        ("case,ct\n", "There is no case"),
        ("ct,contrast\nx.nrrd,perhaps\n", "expected yes or no"),
    ],
)
def test_bad_tables(tmp_path, content, words, capsys):
    table = tmp_path / "cases.csv"
    table.write_text(content)
    assert main(["batch", "emphysema", str(table), "-o", str(tmp_path / "out")]) == ExitCode.BAD_REQUEST
    assert words in capsys.readouterr().err
