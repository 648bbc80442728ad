from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from engine.segmentation.brain_recipe.test_bundle import planned
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.models.card import ModelCard
from mambamed.models.lung_labels import LUNG_LABELS
from mambamed.recipes.lungs.bundle import bundle_lung_model
from mambamed.recipes.lungs.dataset import draw_phantom
from mambamed.recipes.lungs.dataset import write_dataset
from mambamed.recipes.lungs.judge import classical_lungs
from mambamed.recipes.lungs.judge import judge_model
from mambamed.recipes.lungs.judge import markdown_table
from mambamed.recipes.lungs.picture import draw_slices
from mambamed.recipes.lungs.recipe import CONFIGURATION
from mambamed.recipes.lungs.recipe import PATCH_SIZE
from mambamed.recipes.lungs.recipe import plan_for_training
from mambamed.segmentation import load_model
from mambamed.segmentation.dataset_check import check_dataset
from mambamed.segmentation.evaluation.masks import dice
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.nnunet_folders import nnunet_folders
from mambamed.segmentation.trainers.lungs import nnUNetTrainerUMambaBotLungs

TRAINER = "nnUNetTrainerUMambaBotLungs"


def test_phantoms_have_both_lungs_on_their_sides_and_airways() -> None:
    for number in range(2):
        ct, labels = draw_phantom(1, number)
        assert ct.GetSpacing() == (4.0, 4.0, 4.0)
        assert ct.GetSize() == labels.GetSize()
        values = sitk.GetArrayFromImage(labels)
        hu = sitk.GetArrayFromImage(ct)
        centres = {value: np.argwhere(values == value).mean(0)[2] for value in (1, 2, 3)}
        assert centres[1] > centres[3] > centres[2], "x points to the patient's left"
        assert hu[np.isin(values, (1, 2))].mean() < -650
        assert all(label.value in values for label in LUNG_LABELS)


def test_data_set_is_one_that_nnunet_can_train_on(tmp_path: Path) -> None:
    folder = tmp_path / "Dataset154_Lungs"
    write_dataset(folder, 1, 3, NullReporter(), processes=1)
    report = check_dataset(folder)
    assert report.problems == []
    assert report.labels["Right lung"] == 2
    assert json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["channel_names"] == {"0": "CT"}


def test_plan_builds_a_small_network_with_a_range_of_hu() -> None:
    plans = plan_for_training(planned())
    network = build_network(TRAINER, plans["configurations"][CONFIGURATION], 1, 4)
    assert sum(p.numel() for p in network.parameters()) * 2 < 15e6
    assert all(size % 16 == 0 for size in PATCH_SIZE)
    assert plans["foreground_intensity_properties_per_channel"]["0"]["percentile_99_5"] > 100


def test_trainer_never_swaps_left_and_right(tmp_path: Path) -> None:
    plans = plan_for_training(planned())
    plans["continue_training"] = False
    dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz"}
    with nnunet_folders(tmp_path, tmp_path, tmp_path):
        trainer = nnUNetTrainerUMambaBotLungs(plans, CONFIGURATION, "all", dataset, torch.device("cpu"))
    turn, _, _, mirrored = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    assert mirrored is None
    assert trainer.inference_allowed_mirroring_axes is None
    assert np.degrees(turn[1]) == pytest.approx(15.0)


def test_bundle_is_a_small_model_with_a_complete_card(tmp_path: Path) -> None:
    folder = tmp_path / f"{TRAINER}__nnUNetPlans__{CONFIGURATION}"
    (folder / "fold_all").mkdir(parents=True)
    plans = plan_for_training(planned())
    (folder / "plans.json").write_text(json.dumps(plans))
    names = {"background": 0, **{label.name: label.value for label in LUNG_LABELS}}
    dataset = {"channel_names": {"0": "CT"}, "labels": names, "file_ending": ".nii.gz", "orientation": "LPS"}
    (folder / "dataset.json").write_text(json.dumps(dataset))
    network = build_network(TRAINER, plans["configurations"][CONFIGURATION], 1, 4, deep_supervision=True)
    checkpoint = {
        "network_weights": network.state_dict(),
        "init_args": {"configuration": CONFIGURATION},
        "trainer_name": TRAINER,
        "inference_allowed_mirroring_axes": None,
    }
    torch.save(checkpoint, folder / "fold_all/checkpoint_final.pth")
    scores = {label.name: {"dice": 0.9} for label in LUNG_LABELS}
    judged = {
        "scans": [
            {"scan": "a", "method": "model", "reference": "threshold and region", "scores": scores},
            {"scan": "a", "method": "threshold and region", "reference": "its own labels", "scores": scores},
        ],
        "phantoms": {"Left lung": {"mean": 0.95, "standard deviation": 0.01, "cases": 10}},
    }
    card = bundle_lung_model(folder, tmp_path / "model", "0.1.0", judged)
    assert card == ModelCard.read(tmp_path / "model")
    assert sum(weights.bytes or 0 for weights in card.weights) < 15e6
    assert [metric.value for metric in card.metrics] == [0.9, 0.9, 0.9, 0.95]
    assert card.mirroring_axes is None
    model = load_model(tmp_path / "model", device="cpu")
    assert model.orientation == "LPS"
    assert [label.terminology["type"]["code"] for label in card.labels] == ["39607008", "39607008", "89187006"]


def test_judge_compares_with_both_references(tmp_path: Path) -> None:
    ct, truth = draw_phantom(1, 2)
    (tmp_path / "chest_ct/cip").mkdir(parents=True)
    values = sitk.GetArrayFromImage(truth)
    coded = np.select([values == 1, values == 2, values == 3], [10, 13, 512 + 11], 0).astype(np.uint16)
    coded = sitk.GetImageFromArray(coded)
    coded.CopyInformation(truth)
    sitk.WriteImage(sitk.DICOMOrient(ct, "RAS"), str(tmp_path / "chest_ct/cip/ct-64.nrrd"))
    sitk.WriteImage(coded, str(tmp_path / "chest_ct/cip/lm-64.nrrd"))

    def predict(image: sitk.Image) -> SimpleNamespace:
        labelmap = sitk.GetImageFromArray(classical_lungs(image))
        labelmap.CopyInformation(image)
        return SimpleNamespace(labelmap=labelmap)

    judged = judge_model(SimpleNamespace(predict=predict), tmp_path, phantoms=1)
    by_reference = {(e["method"], e["reference"]): e["scores"] for e in judged["scans"]}
    assert by_reference["model", "threshold and region"]["Left lung"]["dice"] == 1.0
    for name in ("Left lung", "Right lung"):
        assert by_reference["model", "its own labels"][name]["dice"] > 0.9
        assert judged["phantoms"][name]["mean"] > 0.9
    assert markdown_table(judged).count("\n") == 5
    assert dice(classical_lungs(ct) == 1, values == 1) > 0.9
    with pytest.raises(BadRequestError, match="holds none of"):
        judge_model(None, tmp_path / "chest_ct")


def test_picture_shows_labels_in_their_colours() -> None:
    ct, truth = draw_phantom(1, 2)
    drawn = draw_slices(ct, truth)
    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 3
    left = drawn[..., 2].astype(int) - drawn[..., 0]
    columns = np.flatnonzero((left > 40).any(0))
    assert columns.size, "the left lung is blue"
    right = np.flatnonzero((left < -40).any(0))
    half = drawn.shape[1] // 2
    assert columns[columns < half].mean() > right[right < half].mean(), "the patient's left is on the right"
