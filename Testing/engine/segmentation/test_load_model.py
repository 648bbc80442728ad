"""Which folders are read, and what is said about those that are not."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.errors import BadRequestError
from mambamed.errors import DeviceUnavailableError
from mambamed.errors import UnsafeFileError
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import picture_phantom
from mambamed.segmentation import load_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plans, configuration = make_plans()
    return write_model(tmp_path / "results", plans, configuration, make_dataset(), folds=("0", "1"))


def test_network_is_ready(folder: Path) -> None:
    model = load_model(folder, device="cpu")
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    assert model.labels == {"one": 1, "two": 2, "three": 3}
    assert model.orientation is None
    assert model.card.derived
    first = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(value, first[name])


@pytest.mark.parametrize("old_format", [False, True])
def test_trained_checkpoints_hold_numpy_scalars(tmp_path: Path, old_format: bool) -> None:
    plans, configuration = make_plans(old_format=old_format)
    folder = write_model(tmp_path, plans, configuration, make_dataset(), trainer="nnUNetTrainerUMambaBot")
    path = folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(path, weights_only=True)
    content["logging"] = {"mean_fg_dice": [np.float32(0.5)], "train_losses": [np.float64(-0.1)]}
    content["_best_ema"] = np.float64(0.7)
    torch.save(content, path)
    assert load_model(folder, device="cpu").labels["one"] == 1


def test_folder_above_and_zip(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMBAMED_CACHE", str(tmp_path / "cache"))
    image, _ = ellipsoid_phantom(size=(20, 22, 18))
    expected = sitk.GetArrayFromImage(load_model(folder, device="cpu").predict(image, precision="float32").labelmap)
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in folder.rglob("*"):
            zipped.write(path, Path("Dataset999_Small") / folder.name / path.relative_to(folder))
    for given in (folder.parent, archive, str(archive)):
        found = load_model(given, device="cpu").predict(image, precision="float32").labelmap
        np.testing.assert_array_equal(sitk.GetArrayFromImage(found), expected)


def test_zip_that_writes_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMBAMED_CACHE", str(tmp_path / "cache"))
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("model/plans.json", "{}")
        zipped.writestr("../../escaped.txt", "x")
    with pytest.raises(UnsafeFileError):
        load_model(archive)
    assert not list(tmp_path.rglob("escaped.txt"))


def test_checkpoint_with_a_payload(folder: Path, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'executed'}",)

    path = folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(path, weights_only=True)
    torch.save({**content, "logging": Payload()}, path)
    with pytest.raises(UnsafeFileError, match="could execute code"):
        load_model(folder, device="cpu")
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(BadRequestError):
        load_model(folder, device="cpu")
    assert not (tmp_path / "executed").exists()


def test_choice_of_folds(folder: Path) -> None:
    assert [fold.fold for fold in load_model(folder, device="cpu").folder.folds] == ["0", "1"]
    assert [fold.fold for fold in load_model(folder, folds=1, device="cpu").folder.folds] == ["1"]
    assert [fold.fold for fold in load_model(folder, folds=("1", 0), device="cpu").folder.folds] == ["1", "0"]
    with pytest.raises(BadRequestError, match=r"Fold 3 .* is not in the model .* there are 0, 1"):
        load_model(folder, folds=(0, 3), device="cpu")


def test_fold_all_is_taken_where_there_is_no_other(folder: Path) -> None:
    shutil.copytree(folder / "fold_0", folder / "fold_all")
    assert [fold.fold for fold in load_model(folder, device="cpu").folder.folds] == ["0", "1"]
    shutil.rmtree(folder / "fold_0")
    shutil.rmtree(folder / "fold_1")
    assert [fold.fold for fold in load_model(folder, device="cpu").folder.folds] == ["all"]


def test_other_checkpoint(folder: Path) -> None:
    with pytest.raises(BadRequestError, match=r"checkpoint_best\.pth"):
        load_model(folder, checkpoint="checkpoint_best.pth", device="cpu")
    (folder / "fold_1" / "checkpoint_final.pth").rename(folder / "fold_1" / "checkpoint_best.pth")
    model = load_model(folder, checkpoint="checkpoint_best.pth", device="cpu")
    assert [fold.fold for fold in model.folder.folds] == ["1"]


def test_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "something").mkdir()
    with pytest.raises(BadRequestError):
        load_model(tmp_path / "something")
    with pytest.raises(BadRequestError):
        load_model(tmp_path / "nowhere")


def test_damaged_plans(folder: Path) -> None:
    (folder / "plans.json").write_text('{"configurations": ')
    with pytest.raises(BadRequestError, match=r"plans\.json"):
        load_model(folder, device="cpu")


def test_cascade_is_refused_with_the_reason(tmp_path: Path) -> None:
    plans, configuration = make_plans()
    plans["configurations"][configuration]["previous_stage"] = "3d_lowres"
    folder = write_model(tmp_path, plans, configuration, make_dataset())
    with pytest.raises(BadRequestError, match="second stage of a cascade and needs the result of 3d_lowres"):
        load_model(folder, device="cpu")


def test_weights_of_another_network(folder: Path) -> None:
    plans, _ = make_plans(features=6)
    (folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(BadRequestError, match="do not fit this network"):
        load_model(folder, device="cpu")


def test_folds_of_different_trainers(folder: Path) -> None:
    path = folder / "fold_1" / "checkpoint_final.pth"
    content = torch.load(path, weights_only=True)
    torch.save({**content, "trainer_name": "nnUNetTrainerUMambaBot"}, path)
    with pytest.raises(BadRequestError, match="expected one network"):
        load_model(folder, device="cpu")


def test_plan_that_names_code(tmp_path: Path, folder: Path) -> None:
    plans, configuration = make_plans()
    plans["configurations"][configuration]["architecture"]["network_class_name"] = "os.system"
    (folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(BadRequestError):
        load_model(folder, device="cpu")


def test_no_such_device(folder: Path) -> None:
    with pytest.raises(DeviceUnavailableError):
        load_model(folder, device="cuda:7")


def test_wrong_inputs(folder: Path) -> None:
    model = load_model(folder, folds=0, device="cpu")
    image, _ = ellipsoid_phantom(size=(20, 22, 18))
    with pytest.raises(BadRequestError, match=r"2 channels were given, the model expects 1 \(channel0\)"):
        model.predict([image, image])
    with pytest.raises(BadRequestError, match="expects a 3D volume"):
        model.predict(picture_phantom()[0])
    with pytest.raises(BadRequestError, match="volume is empty"):
        model.predict(image * 0)
    with pytest.raises(BadRequestError, match="no label liver; it has one, two, three"):
        model.predict(image, labels=["liver"])
    with pytest.raises(BadRequestError, match="Unknown settings"):
        model.predict(image, step=0.5)
    image.SetSpacing((0.001, 0.001, 0.001))
    image = sitk.Expand(image, (8, 8, 8))
    image.SetSpacing((99.0, 99.0, 99.0))
    with pytest.raises(BadRequestError, match="is probably wrong"):
        model.predict(image)
