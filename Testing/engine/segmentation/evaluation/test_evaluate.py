from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.cli.main import main
from mambamed.errors import BadRequestError
from mambamed.imaging.phantoms import rotation_direction
from mambamed.segmentation.evaluation import evaluate_folders
from mambamed.segmentation.evaluation.report import label_table
from mambamed.segmentation.evaluation.report import markdown
from mambamed.segmentation.evaluation.report import method_table


def write(path: Path, array: np.ndarray, direction: tuple[float, ...] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array.astype(np.uint8))
    if array.ndim == 3:
        image.SetSpacing((1.5, 1.0, 2.0))
        image.SetOrigin((5.0, -7.0, 3.0))
        if direction is not None:
            image.SetDirection(direction)
    sitk.WriteImage(image, str(path))


def volumes() -> dict[str, np.ndarray]:
    one = np.zeros((8, 9, 10), np.uint8)
    one[2:5, 2:6, 2:7] = 1
    one[5:7, 5:8, 5:9] = 2
    two = np.zeros((8, 9, 10), np.uint8)
    two[1:4, 3:8, 3:7] = 1
    return {"one": one, "two": two}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """References of two cases (the second lacks a label) and predictions that are right, but for one slab."""
    for name, array in volumes().items():
        write(tmp_path / "raw/labelsTr" / f"{name}.nii.gz", array)
        predicted = array.copy()
        predicted[:, :, 6][predicted[:, :, 6] == 1] = 0
        write(tmp_path / "predictions" / f"{name}.nrrd", predicted)
    description = {"labels": {"background": 0, "Liver": 1, "Spleen": 2}, "nsd_tolerance_mm": {"Liver": 1.5, "": 2}}
    (tmp_path / "raw/dataset.json").write_text(json.dumps(description))
    return tmp_path


def test_scores_by_case_label_and_overall(study: Path) -> None:
    found = evaluate_folders(study / "predictions", study / "raw/labelsTr")
    assert [rule.name for rule in found.labels] == ["Liver", "Spleen"]
    assert [rule.tolerance_mm for rule in found.labels] == [1.5, 2.0]
    liver = found.of_label("Liver", "dice")
    assert liver == {"one": pytest.approx(2 * 48 / (48 + 60)), "two": pytest.approx(2 * 45 / (45 + 60))}
    assert found.of_label("Spleen", "dice") == {"one": 1.0, "two": 1.0}, "absent in both counts as found"
    assert math.isnan(found.of_label("Spleen", "hd95_mm")["two"])
    summary = found.summary("Liver", "dice")
    assert summary.mean == pytest.approx(np.mean(list(liver.values())))
    assert summary.standard_deviation == pytest.approx(np.std(list(liver.values()), ddof=1))
    overall = found.overall("dice")
    assert overall.mean == pytest.approx(np.mean([(liver["one"] + 1) / 2, (liver["two"] + 1) / 2]))
    assert found.summary("Spleen", "hd95_mm").cases == 1
    assert found.of_label("Liver", "volume_error_ml")["one"] == pytest.approx(-12 * 3.0 / 1000)
    assert found.of_label("Liver", "nsd")["one"] == 1.0, "the surface moved by 1.5 mm"


def test_tolerance_from_the_command_comes_first(study: Path) -> None:
    found = evaluate_folders(study / "predictions", study / "raw/labelsTr", tolerances_mm={"Liver": 0.5, "": 9.0})
    assert [rule.tolerance_mm for rule in found.labels] == [0.5, 9.0]
    assert found.of_label("Liver", "nsd")["one"] < 1.0
    with pytest.raises(BadRequestError, match=r"'Kidney', which is no label.*Liver, Spleen"):
        evaluate_folders(study / "predictions", study / "raw/labelsTr", tolerances_mm={"Kidney": 1.0})


def test_without_a_data_set_file_the_values_are_the_labels(study: Path) -> None:
    (study / "raw/dataset.json").unlink()
    found = evaluate_folders(study / "predictions", study / "raw/labelsTr")
    assert [rule.name for rule in found.labels] == ["label 1", "label 2"]
    assert found.overall("nsd").cases == 0
    assert any("tolerance" in note for note in found.notes)


def test_regions_are_unions_of_values(study: Path) -> None:
    labels = {"background": 0, "whole": [1, 2], "part": 2}
    (study / "raw/dataset.json").write_text(json.dumps({"labels": labels}))
    found = evaluate_folders(study / "predictions", study / "raw/labelsTr")
    assert found.of_label("whole", "reference_voxels")["one"] == 60 + 24


def test_other_grid_is_brought_onto_the_references(study: Path) -> None:
    turned = rotation_direction((0.0, 0.0, 90.0))
    reference = sitk.ReadImage(str(study / "raw/labelsTr/one.nii.gz"))
    grid = sitk.Image((12, 14, 9), sitk.sitkUInt8)
    grid.SetSpacing((1.0, 1.5, 2.0))
    grid.SetDirection(turned)
    grid.SetOrigin((5.0 + 13 * 1.5, -7.0, 3.0))
    sitk.WriteImage(
        sitk.Resample(reference, grid, sitk.Transform(), sitk.sitkNearestNeighbor), str(study / "predictions/one.nrrd")
    )
    found = evaluate_folders(study / "predictions", study / "raw/labelsTr")
    assert found.of_label("Liver", "dice")["one"] == 1.0
    assert any("another grid" in note and note.startswith("one") for note in found.notes)


def test_grids_apart_in_space_are_refused(study: Path) -> None:
    image = sitk.ReadImage(str(study / "predictions/one.nrrd"))
    image.SetOrigin((500.0, 0.0, 0.0))
    sitk.WriteImage(image, str(study / "predictions/one.nrrd"))
    with pytest.raises(BadRequestError, match="one: prediction and reference do not overlap in space"):
        evaluate_folders(study / "predictions", study / "raw/labelsTr")


def test_missing_predictions_are_refused_or_left_out_aloud(study: Path) -> None:
    (study / "predictions/two.nrrd").unlink()
    with pytest.raises(BadRequestError, match=r"1 of 2 cases have no prediction.*two"):
        evaluate_folders(study / "predictions", study / "raw/labelsTr")
    found = evaluate_folders(study / "predictions", study / "raw/labelsTr", skip_missing=True)
    assert found.missing == ("two",)
    assert "two" in found.notes[0]


def test_batch_folder_is_understood(study: Path, tmp_path: Path) -> None:
    for name, array in volumes().items():
        write(tmp_path / "batch" / name / "outputs/segmentation.nii.gz", array)
    found = evaluate_folders(tmp_path / "batch", study / "raw/labelsTr")
    assert found.overall("dice").mean == 1.0


def test_tables_have_the_form_of_the_paper(study: Path) -> None:
    found = evaluate_folders(study / "predictions", study / "raw/labelsTr")
    header, rows = method_table({"U-Mamba Bot": found})
    assert header[:3] == ["Methods", "DSC", "NSD"]
    assert rows[0][1] == "{0.mean:.4f} ± {0.standard_deviation:.4f}".format(found.overall("dice"))
    header, rows = label_table({"A": found, "B": found})
    assert header == ["Labels", "A DSC", "A NSD", "B DSC", "B NSD"]
    assert [row[0] for row in rows] == ["Liver", "Spleen", "Average"]
    assert markdown((header, rows)).count("\n") == 4


def test_command_writes_and_prints(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "segmentation", "--predictions", f"mine={study / 'predictions'}"]
    words += ["--labels", str(study / "raw/labelsTr"), "-o", str(tmp_path / "scores")]
    assert main(words) == 0
    assert "Liver" in capsys.readouterr().out
    content = json.loads((tmp_path / "scores/scores.json").read_text(encoding="utf-8"))
    assert content["methods"]["mine"]["overall"]["dice"]["cases"] == 2
    lines = list(csv.DictReader(io.StringIO((tmp_path / "scores/scores.csv").read_text(encoding="utf-8"))))
    assert len(lines) == 4
    assert {line["hd95_mm"] for line in lines if line["case"] == "two" and line["label"] == "Spleen"} == {""}
    assert "| Liver |" in (tmp_path / "scores/tables.md").read_text(encoding="utf-8")
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == content


def test_command_scores_cells_from_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = np.zeros((20, 30), np.uint8)
    classes[2:10, 2:12] = 2
    classes[3:9, 3:11] = 1
    classes[11:19, 15:27] = 2
    classes[12:18, 16:26] = 1
    cells = np.zeros((20, 30), np.uint8)
    cells[2:10, 2:12] = 1
    cells[11:19, 15:27] = 2
    write(tmp_path / "predictions/a.png", classes)
    write(tmp_path / "labels/a.tiff", cells)
    words = ["evaluate", "segmentation", "--predictions", str(tmp_path / "predictions")]
    words += ["--labels", str(tmp_path / "labels"), "--from-classes", "predictions"]
    assert main([*words, "--instances", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["methods"]["predictions"]["overall"]
    assert scores["f1"]["mean"] == 1.0
    assert scores["mean_iou"]["mean"] == 1.0
    assert main(words) == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--predictions", "{study}/none", "--labels", "{study}/raw/labelsTr"], "does not exist"),
        (["--predictions", "{study}/raw", "--labels", "{study}/raw/labelsTr"], "None of the 2 cases"),
        (["--predictions", "{study}/predictions", "--labels", "{study}/raw/labelsTr", "--tolerance", "x"], "none"),
        (["--predictions", "a={study}", "a={study}", "--labels", "{study}/raw/labelsTr"], "name of their own"),
    ],
)
def test_bad_requests(study: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str) -> None:
    assert main(["evaluate", "segmentation", *[word.replace("{study}", str(study)) for word in words]]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
