"""Pictures of a CT with labels and heat maps over it, on turned and flipped grids."""

from __future__ import annotations

import io

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.emphysema.report.overlays import OverlayPainter

RED = {"value": 1, "name": "left upper third", "color": [230, 0, 0]}
BLUE = {"value": 2, "name": "right lower third", "color": [0, 0, 230]}


def _pixels(picture) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)


def _scan(direction):
    """A thorax of air in water: label 1 at the patient's left and top, 2 at the right and bottom."""
    size, spacing = (26, 22, 18), np.array((3.0, 4.0, 5.0))
    image = sitk.Image(size, sitk.sitkInt16)
    image.SetSpacing(tuple(spacing))
    image.SetDirection(direction)
    centre = np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size]))
    image.SetOrigin(tuple(-centre))
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1).reshape(-1, 3)
    matrix = np.array(direction).reshape(3, 3) * spacing
    points = indices @ matrix.T + np.array(image.GetOrigin())
    x, y, z = (points[:, axis].reshape(size).transpose(2, 1, 0) for axis in range(3))
    left, right = ((x - 18) / 14) ** 2 + (y / 25) ** 2 < 1, ((x + 18) / 14) ** 2 + (y / 25) ** 2 < 1
    inside = np.abs(z) < 32
    labels = np.where(left & inside & (z > 0), 1, np.where(right & inside & (z <= 0), 2, 0)).astype(np.uint8)
    voxels = np.where((left | right) & inside, -870, 40).astype(np.int16)
    made = []
    for array in (voxels, labels):
        volume = sitk.GetImageFromArray(array)
        volume.CopyInformation(image)
        made.append(volume)
    return made


def _share(pixels, colour_axis, where) -> float:
    others = [axis for axis in range(3) if axis != colour_axis]
    part = pixels[where]
    return float(((part[..., colour_axis] - part[..., others].max(axis=-1)) > 40).mean())


@pytest.mark.parametrize(
    "direction",
    [
        (1, 0, 0, 0, 1, 0, 0, 0, 1),
        (-1, 0, 0, 0, 1, 0, 0, 0, -1),
        (0, 0, 1, 1, 0, 0, 0, 1, 0),
    ],
    ids=["as usual", "flipped", "permuted"],
)
def test_the_patients_left_is_at_the_right_of_the_picture_and_the_head_on_top(direction):
    ct, labels = _scan(direction)
    pixels = _pixels(OverlayPainter(ct, labels).labels(labels, [RED, BLUE], "Regions."))
    height, width = pixels.shape[:2]
    panels = [(slice(0, int(0.87 * height)), slice(int(width * k / 4), int(width * (k + 1) / 4))) for k in range(4)]
    high, _, low, coronal = panels
    assert _share(pixels, 0, high) > 0.02
    assert _share(pixels, 2, high) == 0
    assert _share(pixels, 2, low) > 0.02
    assert _share(pixels, 0, low) == 0
    middle = coronal[1].start + width // 8
    is_red = (pixels[..., 0] - pixels[..., 1:].max(axis=-1)) > 40
    is_blue = (pixels[..., 2] - pixels[..., :2].max(axis=-1)) > 40
    rows, columns = np.nonzero(is_red[coronal])
    blue_rows, blue_columns = np.nonzero(is_blue[coronal])
    assert columns.mean() + coronal[1].start > middle > blue_columns.mean() + coronal[1].start
    assert rows.mean() < blue_rows.mean()


def test_a_heat_map_hides_low_values_and_has_a_legend():
    ct, labels = _scan((1, 0, 0, 0, 1, 0, 0, 0, 1))
    values = sitk.GetArrayFromImage(labels).astype(np.float32)
    heat = sitk.GetImageFromArray(np.where(values == 1, 4.0, np.where(values == 2, 0.4, 0.0)).astype(np.float32))
    heat.CopyInformation(ct)
    picture = OverlayPainter(ct, labels).heat_map(heat, "Grad-CAM.")
    pixels = _pixels(picture)
    coloured = (pixels.max(axis=-1) - pixels.min(axis=-1)) > 40
    height, width = coloured.shape
    view = slice(0, int(0.85 * height))
    assert coloured[view, : width // 4].any()
    assert not coloured[view, width // 2 : 3 * width // 4].any()
    assert coloured[int(0.88 * height) :, width // 3 : 2 * width // 3].any()
    assert "30%" in picture.caption.replace(" ", "")


def test_a_map_without_any_value_and_lungs_that_were_not_found_are_drawn_all_the_same():
    ct, labels = _scan((1, 0, 0, 0, 1, 0, 0, 0, 1))
    painter = OverlayPainter(ct, labels * 0)
    assert _pixels(painter.labels(labels * 0, [RED], "Nothing.")).shape[0] > 100
    assert _pixels(painter.heat_map(sitk.Cast(labels * 0, sitk.sitkFloat32), "Nothing.")).shape[0] > 100
