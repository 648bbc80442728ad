"""In float32 our result is nnunetv2's own, for every kind of model: 99.99 % of the voxels, and probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from engine.segmentation.nnunet_reference import predict_with_nnunet
from engine.segmentation.nnunet_reference import write_channels
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import picture_phantom
from mambamed.imaging.phantoms import rotation_direction
from mambamed.segmentation import load_model
from mambamed.segmentation.model import SegmentationModel

SMALLEST_AGREEMENT = 0.9999


def assert_equal_to_nnunet(
    model: SegmentationModel, images: list[sitk.Image], folder: Path, mirroring: bool = False
) -> None:
    expected, chances = predict_with_nnunet(model, write_channels(folder, images), mirroring)
    result = model.predict(images, precision="float32", probabilities=True, uncertainty=True, mirroring=mirroring)
    found = sitk.GetArrayFromImage(result.labelmap).reshape(expected.shape)
    assert len(np.unique(expected)) >= 2, "the random network gives one label only, which proves nothing"
    assert np.mean(found == expected) >= SMALLEST_AGREEMENT
    assert result.probabilities is not None
    for label in model.label_table:
        ours = sitk.GetArrayFromImage(result.probabilities[label.name]).reshape(expected.shape)
        np.testing.assert_allclose(ours, chances[label.channel], atol=2e-2)
        assert np.mean(np.abs(ours - chances[label.channel])) < 2e-4


def model_of(
    folder: Path, dataset: dict[str, Any] | None = None, channels: int = 1, **options: Any
) -> SegmentationModel:
    trainer = options.pop("trainer", "nnUNetTrainer")
    folds = options.pop("folds", ("0",))
    seed = options.pop("seed", 0)
    plans, configuration = make_plans(channels=channels, **options)
    written = write_model(
        folder, plans, configuration, dataset or make_dataset(channels), trainer, folds, channels, seed=seed
    )
    return load_model(written, device="cpu")


@pytest.mark.parametrize("old_format", [False, True])
def test_plain_3d(tmp_path: Path, old_format: bool) -> None:
    model = model_of(tmp_path, old_format=old_format)
    image, _ = ellipsoid_phantom(direction=rotation_direction((9.0, 4.0, -13.0)))
    assert_equal_to_nnunet(model, [image], tmp_path)


def test_residual_encoder(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom()
    assert_equal_to_nnunet(model_of(tmp_path, residual=True, seed=3), [image], tmp_path)


@pytest.mark.parametrize("trainer", ["nnUNetTrainerUMambaBot", "nnUNetTrainerUMambaEnc", "nnUNetTrainerUMambaEncNoAMP"])
def test_umamba_3d(tmp_path: Path, trainer: str) -> None:
    image, _ = ellipsoid_phantom(size=(22, 30, 17))
    assert_equal_to_nnunet(model_of(tmp_path, trainer=trainer, old_format=True), [image], tmp_path)


def test_spacing_of_the_plan(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(30, 41, 26), spacing_mm=(1.9, 0.7, 1.3))
    assert_equal_to_nnunet(model_of(tmp_path, spacing=(0.9, 1.1, 1.3)), [image], tmp_path)


def test_strong_anisotropy_is_resampled_slice_by_slice(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(50, 40, 9), spacing_mm=(0.8, 0.7, 5.0))
    assert_equal_to_nnunet(model_of(tmp_path, spacing=(4.0, 1.0, 1.0), patch_size=(8, 24, 24)), [image], tmp_path)


def test_anisotropic_plan_for_a_thin_slice_image(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(40, 36, 33), spacing_mm=(0.9, 0.9, 1.0))
    assert_equal_to_nnunet(model_of(tmp_path, spacing=(5.0, 0.8, 0.8), patch_size=(4, 24, 24)), [image], tmp_path)


def test_transposed_axes(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(31, 26, 38))
    assert_equal_to_nnunet(model_of(tmp_path, transpose=(1, 2, 0)), [image], tmp_path)


def test_image_smaller_than_the_window(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(11, 13, 9), spacing_mm=(1.2, 1.0, 1.5))
    assert_equal_to_nnunet(model_of(tmp_path), [image], tmp_path)


def test_mirroring(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(22, 25, 17))
    assert_equal_to_nnunet(model_of(tmp_path), [image], tmp_path, mirroring=True)


def test_two_channels_with_ct_normalisation(tmp_path: Path) -> None:
    first, _ = ellipsoid_phantom()
    second, _ = ellipsoid_phantom(noise=40.0, seed=5)
    model = model_of(tmp_path, channels=2, normalization="CTNormalization")
    assert_equal_to_nnunet(model, [first, second], tmp_path)


def test_zero_background_with_mask_for_normalisation(tmp_path: Path) -> None:
    image, labels = ellipsoid_phantom(size=(36, 38, 28))
    masked = image * sitk.Cast(labels > 0, sitk.sitkFloat32)
    assert_equal_to_nnunet(model_of(tmp_path, use_mask=True), [masked], tmp_path)


def test_several_folds(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(24, 27, 20))
    model = model_of(tmp_path, folds=("0", "1", "2"))
    assert [fold.fold for fold in model.folder.folds] == ["0", "1", "2"]
    assert_equal_to_nnunet(model, [image], tmp_path)


def test_regions(tmp_path: Path) -> None:
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": [3]}
    image, _ = ellipsoid_phantom()
    model = model_of(tmp_path, make_dataset(labels=labels, order=[1, 2, 3]))
    assert model.labels == {"whole": 1, "core": 2, "enhancing": 3}
    assert_equal_to_nnunet(model, [image], tmp_path)


def test_ignore_label_is_never_written(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom()
    model = model_of(tmp_path, make_dataset(labels={"background": 0, "one": 1, "two": 2, "ignore": 3}))
    assert model.labels == {"one": 1, "two": 2}
    assert_equal_to_nnunet(model, [image], tmp_path)


@pytest.mark.parametrize("trainer", ["nnUNetTrainer", "nnUNetTrainerUMambaBot", "nnUNetTrainerUMambaEnc"])
def test_2d_model_on_a_volume(tmp_path: Path, trainer: str) -> None:
    image, _ = ellipsoid_phantom(size=(33, 36, 7), spacing_mm=(1.1, 0.9, 4.0))
    model = model_of(tmp_path, trainer=trainer, patch_size=(24, 20), spacing=(1.0, 1.0))
    assert_equal_to_nnunet(model, [image], tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
def test_2d_model_on_a_picture(tmp_path: Path, channels: int) -> None:
    picture, _ = picture_phantom(channels=channels)
    model = model_of(
        tmp_path,
        channels=channels,
        patch_size=(32, 24),
        spacing=(1.0, 1.0),
        reader="NaturalImage2DIO",
        normalization="RGBTo01Normalization",
    )
    path = tmp_path / "case_0000.png"
    sitk.WriteImage(picture, str(path))
    expected, _ = predict_with_nnunet(model, [path])
    result = model.predict(picture, precision="float32")
    assert result.labelmap.GetDimension() == 2
    found = sitk.GetArrayFromImage(result.labelmap)
    assert len(np.unique(expected)) >= 2
    assert np.mean(found == expected[0]) >= SMALLEST_AGREEMENT
