from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.segmentation.dataset_check import check_dataset
from mambamed.segmentation.dataset_check import require_sound_dataset

SHAPE = (5, 6, 7)


def write_image(path: Path, array: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.5, 2.0)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two sound cases with two channels and two labels besides the background."""
    folder = tmp_path / "Dataset007_Tiny"
    for case in ("a", "b_1"):
        for channel in range(2):
            write_image(folder / f"imagesTr/{case}_{channel:04d}.nrrd", np.ones(SHAPE, np.float32))
        label = np.zeros(SHAPE, np.uint8)
        label[1:3] = 1
        label[3:] = 2
        write_image(folder / f"labelsTr/{case}.nrrd", label)
    description = {
        "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "liver": 1, "tumour": 2},
        "numTraining": 2,
        "file_ending": ".nrrd",
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def change_description(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    content.update(changes)
    (folder / "dataset.json").write_text(json.dumps(content))


def test_sound_dataset_has_no_problems(dataset: Path) -> None:
    report = check_dataset(dataset)
    assert report.problems == []
    assert report.cases == ["a", "b_1"]
    assert report.channels == 2


def test_all_problems_are_listed_at_once(dataset: Path) -> None:
    (dataset / "labelsTr/a.nrrd").unlink()
    (dataset / "imagesTr/b_1_0001.nrrd").unlink()
    label = np.zeros(SHAPE, np.uint8)
    label[2] = 9
    write_image(dataset / "labelsTr/b_1.nrrd", label, spacing=(1.0, 1.5, 2.5))
    with pytest.raises(BadRequestError) as caught:
        require_sound_dataset(dataset)
    message = str(caught.value)
    assert "a: the label file is missing" in message
    assert "b_1: channels [0]" in message
    assert "unknown value 9" in message
    assert "another geometry" in message
    assert "'liver' (value 1) occurs in no case" in message


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full(SHAPE, np.nan, np.float32), "NaN"),
        (np.ones((4, 6, 7), np.float32), "has size"),
    ],
)
def test_bad_images_are_named(dataset: Path, array: np.ndarray, words: str) -> None:
    write_image(dataset / "imagesTr/a_0001.nrrd", array)
    assert any(words in problem and problem.startswith("a:") for problem in check_dataset(dataset).problems)


def test_rotated_direction_is_another_geometry(dataset: Path) -> None:
    path = str(dataset / "imagesTr/a_0001.nrrd")
    image = sitk.ReadImage(path)
    image.SetDirection((0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    sitk.WriteImage(image, path)
    assert any("direction" in problem for problem in check_dataset(dataset).problems)


def test_file_that_is_no_image(dataset: Path) -> None:
    (dataset / "imagesTr/a_0000.nrrd").write_bytes(b"no image")
    assert any("cannot be read as an image" in problem for problem in check_dataset(dataset).problems)


def test_label_without_image_and_badly_named_image(dataset: Path) -> None:
    write_image(dataset / "labelsTr/c.nrrd", np.zeros(SHAPE, np.uint8))
    write_image(dataset / "imagesTr/photo.nrrd", np.zeros(SHAPE, np.uint8))
    problems = " ".join(check_dataset(dataset).problems)
    assert "labelsTr/c.nrrd" in problems
    assert "imagesTr/photo.nrrd" in problems


def test_label_values_must_be_consecutive(dataset: Path) -> None:
    change_description(dataset, labels={"background": 0, "liver": 1, "tumour": 5})
    assert any("consecutive" in problem for problem in check_dataset(dataset).problems)


def test_region_labels_are_accepted(dataset: Path) -> None:
    change_description(dataset, labels={"background": 0, "whole": [1, 2], "tumour": 2}, regions_class_order=[1, 2])
    assert check_dataset(dataset).problems == []


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_unreadable_description(dataset: Path, content: str) -> None:
    (dataset / "dataset.json").write_text(content)
    assert len(check_dataset(dataset).problems) == 1


def test_missing_folder_and_description(tmp_path: Path) -> None:
    assert "does not exist" in check_dataset(tmp_path / "Dataset001_None").problems[0]
    assert "dataset.json is missing" in check_dataset(tmp_path).problems[0]
