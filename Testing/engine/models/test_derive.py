"""Cards derived from result folders: names, geometry in image axes, labels and regions, folds."""

from __future__ import annotations

import json

import pytest
from mambamed.errors import BadRequestError
from mambamed.models.derive import derive_card


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}))


def test_a_umamba_folder(result_folder):
    card = derive_card(result_folder)
    assert card.id == "Dataset123_Knee-nnUNetTrainerUMambaBot-3d_fullres"
    assert (card.trainer_name, card.configuration, card.folds) == ("nnUNetTrainerUMambaBot", "3d_fullres", ("all",))
    assert card.network == "U-Mamba Bot 3D"
    assert [entry.name for entry in card.inputs] == ["T1", "PD"]
    assert [(label.value, label.name) for label in card.labels] == [(1, "cartilage"), (2, "bone")]
    assert card.weights[0].path == "fold_all/checkpoint_final.pth"
    assert card.weights[0].bytes == (result_folder / card.weights[0].path).stat().st_size
    assert card.derived
    assert "17 training cases" in card.training_data
    assert "Not for clinical use" in card.intended_use


def test_spacing_and_patch_are_in_image_axes(result_folder):
    # plans: network axes (i, k, j) of the image, since the array (k, j, i) was transposed by (2, 0, 1)
    card = derive_card(result_folder)
    assert card.spacing_mm == (3.0, 1.5, 0.75)
    assert card.patch_size == (8, 12, 16)


def test_inherited_configuration_and_reader(result_folder):
    change(result_folder / "plans.json", image_reader_writer="NibabelIOWithReorient")
    renamed = result_folder.rename(result_folder.with_name("nnUNetTrainer__nnUNetPlans__3d_cropped"))
    card = derive_card(renamed)
    assert card.patch_size == (8, 8, 8)
    assert card.spacing_mm == (3.0, 1.5, 0.75)
    assert card.network == "PlainConvUNet 3D"
    assert card.orientation == "RAS"


def test_regions_have_the_values_of_the_result(result_folder):
    labels = {"background": 0, "whole tumor": [1, 2, 3], "core": [2, 3], "enhancing": [3]}
    change(result_folder / "dataset.json", labels=labels, regions_class_order=[1, 2, 3])
    card = derive_card(result_folder)
    assert [(label.value, label.name) for label in card.labels] == [(1, "whole tumor"), (2, "core"), (3, "enhancing")]


def test_a_renamed_folder_leaves_out_what_it_cannot_know(result_folder):
    card = derive_card(result_folder.rename(result_folder.with_name("knee model")))
    assert (card.trainer_name, card.configuration, card.spacing_mm) == (None, None, None)
    assert card.id == "Dataset123_Knee-nnUNet"


def test_folds_are_listed(result_folder):
    for fold in ("fold_0", "fold_3", "fold_x"):
        (result_folder / fold).mkdir()
        (result_folder / fold / "checkpoint_best.pth").write_bytes(b"1")
    assert derive_card(result_folder).folds == ("0", "3", "all")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "plans.json").unlink(), "it has no plans.json"),
        (lambda folder: (folder / "plans.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "dataset.json").write_text("[]"), "no JSON object"),
        (lambda folder: change(folder / "dataset.json", labels=None), "cannot be understood"),
        (lambda folder: change(folder / "plans.json", configurations=None), "cannot be understood"),
        (lambda folder: (folder / "fold_all" / "checkpoint_final.pth").unlink(), "has no weights"),
    ],
)
def test_other_folders_are_refused(result_folder, damage, message):
    damage(result_folder)
    with pytest.raises(BadRequestError, match=message):
        derive_card(result_folder)
