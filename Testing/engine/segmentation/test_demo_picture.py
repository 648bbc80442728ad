from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.segmentation.demo_picture import draw_overlay
from PIL import Image

LABELS = [
    {"value": 1, "name": "left", "color": [0, 0, 255], "text": "3 ml"},
    {"value": 2, "name": "right", "color": [255, 0, 0]},
]


@pytest.fixture
def volume():
    """An anisotropic volume in LPS with label 1 on the left, 2 on the right, and its label map."""
    grey = np.random.default_rng(0).normal(100, 10, (9, 20, 31)).astype(np.float32)
    labels = np.zeros(grey.shape, np.uint8)
    labels[2:7, 4:16, 18:28] = 1  # the third array axis runs to the left
    labels[2:7, 4:16, 4:14] = 2
    images = [sitk.GetImageFromArray(array) for array in (grey, labels)]
    for image in images:
        image.SetSpacing((1.0, 1.5, 4.0))
    return images


def columns_of(path, channel):
    """Mean horizontal place of the strongly coloured pixels of the left third of the picture (the axial plane)."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    pixels = pixels[: int(0.85 * pixels.shape[0]), : pixels.shape[1] // 3]
    other = 2 - channel
    return np.argwhere(pixels[..., channel] - pixels[..., other] > 60)[:, 1].mean()


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR"])
def test_left_is_drawn_at_the_right_whatever_the_axes(tmp_path, volume, orientation):
    image, labelmap = (sitk.DICOMOrient(item, orientation) for item in volume)
    path = draw_overlay(tmp_path / "picture.png", image, labelmap, LABELS, "Title")
    assert columns_of(path, channel=2) > columns_of(path, channel=0)


def test_no_label_at_all_is_drawn_too(tmp_path, volume):
    image, labelmap = volume
    path = draw_overlay(tmp_path / "picture.png", image, labelmap * 0, LABELS, "Nothing found")
    with Image.open(path) as picture:
        assert picture.width > 1000


def test_picture_that_exists_is_kept(tmp_path, volume):
    (tmp_path / "picture.png").write_text("mine")
    with pytest.raises(BadRequestError):
        draw_overlay(tmp_path / "picture.png", *volume, LABELS, "Title")
    assert (tmp_path / "picture.png").read_text(encoding="utf-8") == "mine"
