"""``mambamed register`` and ``mambamed batch register``: files in, files out, one sentence for what is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import SimpleITK as sitk
from engine.registration.one_pass.fitted_network import shifting_model
from engine.registration.structured import moved_image
from engine.registration.structured import rigid_truth
from engine.registration.structured import structured_image
from engine.registration.structured import target_error_mm
from mambamed.cli.main import main
from mambamed.imaging import write_image

OPTIONS = ["--method", "mind-ssc", "--spacing", "2", "--stride", "2", "--no-cache"]
SHIFT = (5.0, -4.0, 6.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = structured_image(0, (30, 34, 28))
    write_image(image, tmp_path / "fixed.nii.gz")
    write_image(moved_image(image, rigid_truth((3, 0, -4), SHIFT, image)), tmp_path / "moving.nrrd")
    sitk.WriteTransform(sitk.TranslationTransform(3, (4.0, -4.0, 5.0)), str(tmp_path / "start.tfm"))
    return tmp_path


def test_one_pair(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["register", str(folder / "fixed.nii.gz"), str(folder / "moving.nrrd"), "-o", str(folder / "out.nii.gz")]
    assert main([*words, *OPTIONS]) == 0
    text = capsys.readouterr().out
    assert "Similarity (mind-ssc), before -> after" in text
    image = sitk.ReadImage(str(folder / "fixed.nii.gz"))
    transform = sitk.ReadTransform(str(folder / "out_transform.h5"))
    assert target_error_mm(transform, rigid_truth((3, 0, -4), SHIFT, image), image) < 1.5
    assert sitk.ReadImage(str(folder / "out.nii.gz")).GetSize() == image.GetSize()
    assert (folder / "out_jacobian.nii.gz").exists()
    assert json.loads((folder / "out_record.json").read_text(encoding="utf-8"))["quality"]["folded_percent"] == 0.0
    assert main([*words, *OPTIONS]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fixed.nii.gz", "nothing.nii.gz", "-o", "out"], "nothing.nii.gz does not exist"),
        (["fixed.nii.gz", "moving.nrrd"], "--output"),
        (["fixed.nii.gz", "moving.nrrd", "-o", "out", "--starts", "0"], "starts is 0"),
        (["fixed.nii.gz", "moving.nrrd", "-o", "out", "--method", "sift"], 'method is "sift"'),
        (["fixed.nii.gz", "moving.nrrd", "-o", "out", "--initial-transform", "fixed.nii.gz"], "is not a transform"),
    ],
)
def test_bad_requests(
    folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert main(["register", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_batch_goes_on_after_a_bad_pair_and_continues(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = folder / "pairs.csv"
    table.write_text(
        "case,fixed,moving,initial_transform\n"
        "bad,fixed.nii.gz,nothing.nrrd,\n"
        "good,fixed.nii.gz,moving.nrrd,\n"
        "near,fixed.nii.gz,moving.nrrd,start.tfm\n"
    )
    words = ["batch", "register", str(table), "-o", str(folder / "results"), *OPTIONS]
    assert main(words) == 1
    assert "2 of 3 cases are done" in capsys.readouterr().out
    rows = {row["case"]: row for row in csv.DictReader((folder / "results" / "summary.csv").open())}
    assert {name: row["state"] for name, row in rows.items()} == {"bad": "failed", "good": "done", "near": "done"}
    assert "nothing.nrrd does not exist" in rows["bad"]["message"]
    assert float(rows["good"]["similarity after"]) > float(rows["good"]["similarity before"])
    assert (folder / "results" / rows["near"]["transform"]).exists()
    record = json.loads((folder / "results" / "near" / "result.json").read_text(encoding="utf-8"))
    assert record["settings"]["initial"] == "transform"
    (folder / "nothing.nrrd").write_bytes((folder / "moving.nrrd").read_bytes())
    assert main(words) == 0
    assert "good: was done before" in capsys.readouterr().out


def test_a_network_in_a_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shifting_model(folder / "my-network", (0.5, 0.0, 0.0))
    monkeypatch.chdir(folder)
    words = ["register", "fixed.nii.gz", "moving.nrrd", "-o", "out", "--method", "network:my-network", "--no-cache"]
    assert main([*words, "--search", "none", "--initial", "header", "--refine", "--iterations", "2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["quality"]["similarity"]["name"] == "mind-ssc"
    assert json.loads(Path(content["outputs"]["record"]).read_text(encoding="utf-8"))["model"]["id"] == "shifting"
