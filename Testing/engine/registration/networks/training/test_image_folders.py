"""Training pairs from folders of images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.training import image_folders
from mambamed.registration.networks.training.image_folders import image_pairs

SETTINGS = {"grid_shape": (18, 20, 16), "spacing_mm": 3.0, "validation_pairs": 2}


def _write(folder, name: str, shift_mm: float = 0.0, flipped: bool = False) -> None:
    """A bright block of 20 x 24 x 16 mm around (shift, 5, -4) mm with a label map of the same block."""
    folder.mkdir(parents=True, exist_ok=True)
    size, spacing, origin = (28, 22, 25), (2.0, 3.0, 2.5), (-27.0 + shift_mm, -26.5, -34.0)
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if flipped:
        image.SetDirection((-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
        image.SetOrigin((27.0 + shift_mm, -26.5, -34.0))
    points = np.stack(
        [np.array(image.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))) for k, j, i in np.ndindex(*size[::-1])]
    ).reshape(*size[::-1], 3)
    inside = np.all(np.abs(points - [shift_mm, 5.0, -4.0]) <= [10.0, 12.0, 8.0], axis=-1)
    for kind, values in (("image", inside * 700.0 + 20.0), ("label", inside * 4.0)):
        made = sitk.GetImageFromArray(values.astype(np.float32))
        made.CopyInformation(image)
        (folder.parent / f"{folder.name}-{kind}").mkdir(exist_ok=True)
        sitk.WriteImage(made, str(folder.parent / f"{folder.name}-{kind}" / f"{name}.nii.gz"))


def test_images_of_persons_are_paired_on_one_grid(tmp_path) -> None:
    for number, name in enumerate("abcde"):
        _write(tmp_path / "data", name, flipped=number == 2)
    settings = NetworkTrainingSettings(
        images=str(tmp_path / "data-image"), labels=str(tmp_path / "data-label"), affine=False, **SETTINGS
    )
    pairs = image_pairs(settings, tmp_path / "work", NullReporter())
    assert len(pairs.training) == 4 * 3
    assert pairs.validation_pairs() == 1
    assert set(sum(pairs.validation, ())) - set(sum(pairs.training, ())) == {4}
    pair = pairs.training_pair(0)
    assert pair.source.shape == (1, 18, 20, 16)
    assert float(pair.source.max()) == 1.0
    assert set(pair.target_labels.unique().tolist()) == {0, 4}
    # The block is in the middle of the grid along all axes, also in the image that is stored the other way round.
    for volume in pairs.volumes:
        middle = np.argwhere(volume.labels.numpy() > 0).mean(axis=0)
        assert np.allclose(middle, [8.5, 9.5, 7.5], atol=0.8)


def test_an_affine_alignment_is_applied_and_kept(tmp_path, monkeypatch) -> None:
    for name in "ab":
        _write(tmp_path / "fixed", name)
        _write(tmp_path / "moving", name, shift_mm=12.0)
    calls = []

    def fake_register(fixed, moving, transform, device):
        calls.append(transform)
        return SimpleNamespace(transform=sitk.TranslationTransform(3, (12.0, 0.0, 0.0)))

    monkeypatch.setattr(image_folders, "register", fake_register)
    settings = NetworkTrainingSettings(
        fixed=str(tmp_path / "fixed-image"),
        moving=str(tmp_path / "moving-image"),
        labels=str(tmp_path / "fixed-label"),
        moving_labels=str(tmp_path / "moving-label"),
        **SETTINGS,
    )
    for _ in range(2):
        pairs = image_pairs(settings, tmp_path / "work", NullReporter())
        pair = pairs.training_pair(0)
        both = (pair.source_labels > 0) & (pair.target_labels > 0)
        assert both.sum() > 0.85 * (pair.target_labels > 0).sum()
    assert calls == ["affine", "affine"]


def test_missing_partners_labels_and_images_are_named(tmp_path) -> None:
    _write(tmp_path / "fixed", "a")
    _write(tmp_path / "fixed", "b")
    _write(tmp_path / "moving", "a")
    values = {"fixed": str(tmp_path / "fixed-image"), "moving": str(tmp_path / "moving-image"), "image_loss": "ncc"}
    with pytest.raises(BadRequestError, match="no partner of the same file name: b"):
        image_pairs(NetworkTrainingSettings(**values, **SETTINGS), tmp_path, NullReporter())
    one = {"images": str(tmp_path / "moving-image"), "image_loss": "ncc"}
    with pytest.raises(BadRequestError, match="at least 2"):
        image_pairs(NetworkTrainingSettings(**one, **SETTINGS), tmp_path, NullReporter())
    labelled = {"images": str(tmp_path / "fixed-image"), "labels": str(tmp_path / "moving-label")}
    with pytest.raises(BadRequestError, match="for b; expected the same names"):
        image_pairs(NetworkTrainingSettings(**labelled, **SETTINGS), tmp_path, NullReporter())
