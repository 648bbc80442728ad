"""Scores of folders of detections against folders of annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mambamed.cli.main import main
from mambamed.detection import OrientedBox
from mambamed.detection.annotations import AnnotatedObject
from mambamed.detection.annotations import read_dota_text
from mambamed.detection.annotations import write_dota_text
from mambamed.detection.evaluation import evaluate_average_precision
from mambamed.detection.evaluation import evaluate_free_response
from mambamed.detection.evaluation.report import evaluate_folders
from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode

TRUTH = {
    "a": [OrientedBox(20, 20, 12, 5, 0.4, "nodule"), OrientedBox(50, 22, 10, 6, 1.2, "vessel")],
    "b": [OrientedBox(30, 40, 16, 4, 0.0, "vessel")],
    "c": [],
}
FOUND = {
    "a": [
        OrientedBox(20.3, 19.8, 12, 5.2, 0.42, "nodule", 0.9),
        OrientedBox(50, 24, 10, 6, 1.2, "vessel", 0.8),
        OrientedBox(70, 70, 10, 6, 1.2, "vessel", 0.7),
    ],
    "b": [OrientedBox(30, 40, 15, 4, 0.02, "vessel", 0.6), OrientedBox(30, 40, 15, 4, 0.02, "nodule", 0.5)],
    "c": [],
}


def _detections(boxes: Sequence[OrientedBox], slices: list[int] | None = None, on: int | None = None) -> dict[str, Any]:
    return {
        "format_version": 1,
        "image": {"slices": slices},
        "boxes": [
            {"id": n, "label": box.label, "score": box.score, "slice": on, "corners_px": list(map(list, box.corners()))}
            for n, box in enumerate(boxes, 1)
        ],
    }


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions as a batch writes them, and DOTA's text."""
    for name, boxes in FOUND.items():
        _write(tmp_path / "found" / name / "outputs" / "detections.json", _detections(boxes))
    (tmp_path / "truth").mkdir()
    for name, boxes in TRUTH.items():
        write_dota_text(tmp_path / "truth" / f"{name}.txt", [AnnotatedObject(box) for box in boxes])
    return tmp_path / "found", tmp_path / "truth"


def test_scores_are_those_of_the_boxes_themselves(folders: tuple[Path, Path]) -> None:
    scores = evaluate_folders(*folders)
    objects = {name: [AnnotatedObject(box) for box in boxes] for name, boxes in TRUTH.items()}
    for rule in ("07", "all-point"):
        expected = evaluate_average_precision(objects, FOUND, rule=rule)
        assert scores.precision[rule].ap50 == pytest.approx(expected.ap50)
        assert scores.precision[rule].ap75 == pytest.approx(expected.ap75)
        assert scores.precision[rule].mean == pytest.approx(expected.mean)
    expected_curve = evaluate_free_response(objects, FOUND)
    assert scores.free_response.sensitivity == pytest.approx(expected_curve.sensitivity)
    assert scores.free_response.image_count == 3
    assert scores.free_response_by_label["vessel"].object_count == 2


def test_the_command_prints_and_writes(folders: tuple[Path, Path], tmp_path: Path, capsys) -> None:
    found, truth = folders
    words = ["evaluate", "detection", "--labels", str(truth), "-o", str(tmp_path / "scores")]
    assert main([*words, "--predictions", f"one={found}", f"two={found}"]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "AP50 (07)" in printed
    assert "at 0.125 false" in printed
    content = json.loads((tmp_path / "scores" / "scores.json").read_text(encoding="utf-8"))
    assert content["one"] == content["two"]
    assert content["one"]["objects"] == {"nodule": 1, "vessel": 2}
    assert 0 < content["one"]["average_precision"]["07"]["ap50"] <= 1
    assert (tmp_path / "scores" / "scores.csv").read_text(encoding="utf-8").count("\n") == 1 + 2 * 2 * 2 * 10
    assert (tmp_path / "scores" / "tables.md").read_text(encoding="utf-8").count("| one |") == 4
    assert main([*words, "--predictions", str(found), "--json", "--iou", "0.9"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["found"]["free_response"]["iou"] == 0.9


def test_slices_of_a_volume(tmp_path: Path) -> None:
    box = OrientedBox(20, 20, 12, 5, 0.4, "nodule", 0.9)
    _write(tmp_path / "found" / "detections.json", _detections([box], [3, 5], on=4))
    (tmp_path / "truth" / "found").mkdir(parents=True)
    write_dota_text(tmp_path / "truth" / "found" / "slice_0004.txt", [AnnotatedObject(box)])
    scores = evaluate_folders(tmp_path / "found", tmp_path / "truth")
    assert scores.precision["07"].ap50 == 1.0
    assert scores.free_response.image_count == 3
    assert "2 slices have no file of annotations" in scores.notes[0]


def test_names_that_do_not_agree(folders: tuple[Path, Path], tmp_path: Path) -> None:
    found, truth = folders
    (truth / "c.txt").unlink()
    with pytest.raises(BadRequestError, match=r"1 images .* have no annotations .* \(the first is c"):
        evaluate_folders(found, truth)
    write_dota_text(truth / "c.txt", [])
    write_dota_text(truth / "d.txt", [])
    with pytest.raises(BadRequestError, match=r"1 annotated images have no predictions .* \(the first is d\)"):
        evaluate_folders(found, truth)
    scores = evaluate_folders(found, truth, skip_missing=True)
    assert scores.free_response.image_count == 3
    assert "left out" in scores.notes[0]
    with pytest.raises(BadRequestError, match="There are no predictions"):
        evaluate_folders(tmp_path / "truth", truth)
    with pytest.raises(BadRequestError, match="There are no annotations"):
        evaluate_folders(found, found)


@pytest.mark.parametrize(
    "content", [[], {}, {"image": {"slices": None}, "boxes": [{"corners_px": [[1, 2]], "id": 1}]}, {"image": 3}]
)
def test_damaged_files_are_refused(tmp_path: Path, folders: tuple[Path, Path], content: Any) -> None:
    _write(tmp_path / "x" / "detections.json", content)
    with pytest.raises(BadRequestError, match="is not what `mambamed detect` writes"):
        evaluate_folders(tmp_path / "x", folders[1])


def test_annotations_in_other_forms(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    found, _ = folders
    images = [{"id": n, "file_name": f"{name}.png"} for n, name in enumerate(TRUTH)]
    items = [
        {"id": 10 * n + m, "image_id": n, "category_id": int(box.label == "vessel"), "bbox": [*box_numbers(box)]}
        for n, boxes in enumerate(TRUTH.values())
        for m, box in enumerate(boxes)
    ]
    categories = [{"id": 0, "name": "nodule"}, {"id": 1, "name": "vessel"}]
    _write(tmp_path / "coco.json", {"images": images, "annotations": items, "categories": categories})
    from_coco = evaluate_folders(found, tmp_path / "coco.json")
    assert from_coco.precision["07"].mean == pytest.approx(evaluate_folders(*folders).precision["07"].mean)


def test_a_data_folder_as_for_training(tmp_path: Path) -> None:
    from mambamed.detection.synthetic import SyntheticSettings
    from mambamed.detection.synthetic import write_data_set

    files = write_data_set(tmp_path / "data", SyntheticSettings(domain="ct", size=(64, 70)), "test", 2)
    for file in files:
        items = read_dota_text(tmp_path / "data" / "labelTxt" / f"{file.stem}.txt")
        _write(tmp_path / "found" / file.stem / "detections.json", _detections([item.box for item in items]))
    scores = evaluate_folders(tmp_path / "found", tmp_path / "data")
    assert scores.precision["all-point"].ap50 == 1.0
    assert scores.free_response.image_count == 2


def box_numbers(box: OrientedBox) -> list[float]:
    """Return cx, cy, w, h and the angle in degrees against the clock, as Detectron2 has it."""
    return [box.cx, box.cy, box.w, box.h, -box.angle_rad * 57.29577951308232]
