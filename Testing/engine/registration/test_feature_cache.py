"""The cache gives back what was computed, for exactly the same question, and stays small."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch
from engine.registration.structured import structured_image
from mambamed.registration import feature_cache
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.quantised import LARGEST_COMPONENT_ERROR
from mambamed.registration.feature_cache import describe_cached
from mambamed.registration.features import describe_image

OPTIONS = {"spacing_mm": 2.0, "stride": 2}


def test_second_time_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = structured_image(0, (20, 22, 18))
    mask = sitk.Cast(image > -1e9, sitk.sitkUInt8)
    exact = describe_image(image, "mind-ssc", mask=mask, **OPTIONS)
    first = describe_cached(image, "mind-ssc", mask=mask, folder=tmp_path, **OPTIONS)
    assert (first.features - exact.features).abs().max() <= LARGEST_COMPONENT_ERROR * (1 + 1e-5)
    monkeypatch.setattr(feature_cache, "describe_image", None)
    again = describe_cached(image, "mind-ssc", mask=mask, folder=tmp_path, **OPTIONS)
    assert torch.equal(again.features, first.features)
    assert torch.equal(again.weights, first.weights)
    assert again.inside is not None
    assert torch.equal(again.inside, exact.inside)
    assert again.geometry == exact.geometry


def test_other_questions_are_computed(tmp_path: Path) -> None:
    image = structured_image(0, (20, 22, 18))
    shifted = sitk.Image(image)
    shifted.SetOrigin((0.0, 0.0, 0.0))
    torch.manual_seed(0)
    networks = [DISANet().eval(), DISANet().eval()]
    for volume, method, options in (
        (image, "mind-ssc", OPTIONS),
        (image + 1.0, "mind-ssc", OPTIONS),
        (shifted, "mind-ssc", OPTIONS),
        (image, "mind-ssc", {**OPTIONS, "stride": 4}),
        (image, "disa", {**OPTIONS, "network": networks[0]}),
        (image, "disa", {**OPTIONS, "network": networks[1]}),
        (image, "disa", {**OPTIONS, "network": networks[1], "sign_average": True}),
    ):
        describe_cached(volume, method, folder=tmp_path, **options)
    assert len(list(tmp_path.iterdir())) == 7


def test_damaged_files_and_folders_that_cannot_be_written(tmp_path: Path) -> None:
    image = structured_image(0, (20, 22, 18))
    first = describe_cached(image, "mind-ssc", folder=tmp_path / "cache", **OPTIONS)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    again = describe_cached(image, "mind-ssc", folder=tmp_path / "cache", **OPTIONS)
    assert torch.equal(again.features, first.features)
    (tmp_path / "file").write_text("")
    without = describe_cached(image, "mind-ssc", folder=tmp_path / "file", **OPTIONS)
    assert torch.equal(without.features, first.features)


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [structured_image(seed, (20, 22, 18)) for seed in range(3)]
    describe_cached(images[0], "mind-ssc", folder=tmp_path, **OPTIONS)
    (oldest,) = tmp_path.iterdir()
    os.utime(oldest, (1.0, 1.0))
    monkeypatch.setattr(feature_cache, "MOST_BYTES", 2 * oldest.stat().st_size + 100)
    for image in images[1:]:
        describe_cached(image, "mind-ssc", folder=tmp_path, **OPTIONS)
    assert len(list(tmp_path.iterdir())) == 2
    assert not oldest.exists()
