from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from engine.segmentation.tiny_dataset import write_tiny_dataset
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.segmentation.dataset_check import check_dataset
from mambamed.segmentation.dataset_import import import_dataset
from mambamed.segmentation.dataset_source import read_dataset_source

SHAPE = (5, 6, 7)


def write(path: Path, values: tuple[int, ...] = (), channels: int = 1) -> None:
    """An image with anisotropic, flipped geometry; a label map with these values if some are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(len(path.name))
    array = random.choice(values, SHAPE).astype(np.uint8) if values else random.random(SHAPE).astype(np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.5, 2.5))
    image.SetDirection((-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    if channels > 1:
        image = sitk.JoinSeries([image + float(index) for index in range(channels)])
    sitk.WriteImage(image, str(path))


def decathlon(folder: Path) -> Path:
    description = {
        "modality": {"0": "FLAIR", "1": "T1w"},
        "labels": {"0": "background", "1": "edema", "2": "tumour"},
        "training": [
            {"image": f"./imagesTr/BRATS_{n}.nii.gz", "label": f"./labelsTr/BRATS_{n}.nii.gz"} for n in (1, 2)
        ],
    }
    for entry in description["training"]:
        write(folder / entry["image"], channels=2)
        write(folder / entry["label"], (0, 1, 2))
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def bids(folder: Path) -> Path:
    for subject in ("sub-01", "sub-02"):
        for kind in ("T1w", "FLAIR"):
            write(folder / subject / "anat" / f"{subject}_{kind}.nii.gz")
        write(folder / "derivatives/manual" / subject / "anat" / f"{subject}_T1w_dseg.nii.gz", (0, 2, 5))
    write(folder / "sub-01/anat/sub-01_T2w.nii.gz")
    (folder / "atlas_dseg.tsv").write_text("index\tname\n2\tstem\n5\tvermis\n")
    return folder


def folders(folder: Path) -> Path:
    for case in ("a", "b"):
        write(folder / "Images" / f"{case}.nrrd")
        write(folder / "masks" / f"{case}_mask.nrrd", (0, 255))
    return folder


def pairs(folder: Path) -> Path:
    for case in ("x.1", "y"):
        for channel in (0, 1):
            write(folder / f"{case}_{channel:04d}.nii.gz")
        write(folder / f"{case}_seg.nii.gz", (0, 1))
    (folder / "labels.json").write_text(json.dumps({"lesion": 1}))
    return folder


@pytest.mark.parametrize(
    ("make", "channels", "labels"),
    [
        (decathlon, ("FLAIR", "T1w"), {"background": 0, "edema": 1, "tumour": 2}),
        (bids, ("FLAIR", "T1w"), {"background": 0, "stem": 1, "vermis": 2}),
        (folders, ("image",), {"background": 0, "label 255": 1}),
        (pairs, ("channel 0", "channel 1"), {"background": 0, "lesion": 1}),
    ],
)
def test_cases_of_every_form_become_a_sound_nnunet_data_set(tmp_path: Path, make, channels, labels) -> None:
    source = read_dataset_source(make(tmp_path / "cases"))
    assert source.problems == []
    assert (source.kind, source.channels, len(source.cases)) == (make.__name__, channels, 2)
    target = import_dataset(source, tmp_path / "Dataset900_Cases", NullReporter())
    report = check_dataset(target)
    assert report.problems == []
    assert report.channels == len(channels)
    assert report.labels == labels
    image = sitk.ReadImage(str(target / "imagesTr" / f"{source.cases[0].name}_0000.nii.gz"))
    assert image.GetSpacing() == pytest.approx((1.0, 1.5, 2.5))
    assert image.GetDirection()[0] == -1.0
    assert image.GetSize() == SHAPE[::-1]


def test_nnunet_data_set_is_taken_as_it_is(tmp_path: Path) -> None:
    source = read_dataset_source(write_tiny_dataset(tmp_path / "Dataset031_Box"))
    assert (source.kind, len(source.cases), source.problems) == ("nnunet", 5, [])
    assert source.labels == {"background": 0, "box": 1}
    renamed = read_dataset_source((tmp_path / "Dataset031_Box").rename(tmp_path / "box"))
    assert "expects a name like Dataset001_A" in renamed.problems[0]


def test_everything_that_is_wrong_is_named(tmp_path: Path) -> None:
    folder = pairs(tmp_path / "cases")
    (folder / "y_seg.nii.gz").unlink()
    (folder / "x.1_0001.nii.gz").unlink()
    write(folder / "z_label.nii.gz", (0, 1))
    source = read_dataset_source(folder)
    text = "\n".join(source.problems)
    assert "z_label.nii.gz: there is no image for this label map" in text
    assert "y: there is no label map for this image" in text
    assert "x.1: 1 of 2 channels were found" in text
    with pytest.raises(BadRequestError, match="have 3 problems"):
        import_dataset(source, tmp_path / "Dataset900_A", NullReporter())


@pytest.mark.parametrize("content", [None, "empty", "text"])
def test_folders_without_cases_are_refused_with_what_is_expected(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "cases"
    if content is not None:
        folder.mkdir()
    if content == "text":
        (folder / "dataset.json").write_text("{")
    source = read_dataset_source(folder)
    assert source.cases == []
    assert "Dataset001_Liver" in source.problems[-1]


def test_values_without_a_name_are_reported(tmp_path: Path) -> None:
    folder = pairs(tmp_path / "cases")
    write(folder / "y_seg.nii.gz", (0, 1, 7))
    target = import_dataset(read_dataset_source(folder), tmp_path / "Dataset900_A", NullReporter())
    assert any("unknown value 255" in problem for problem in check_dataset(target).problems)
