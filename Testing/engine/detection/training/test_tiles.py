"""Tiles as samples: which there are, how they are flipped, how they are batched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.detection.annotations import AnnotatedObject
from mambamed.detection.data_folder import AnnotatedImage
from mambamed.detection.geometry.overlap import rotated_iou_pairs
from mambamed.detection.oriented_box import OrientedBox
from mambamed.detection.training.criterion import ImageObjects
from mambamed.detection.training.tiles import IMAGENET_DEVIATION
from mambamed.detection.training.tiles import IMAGENET_MEAN
from mambamed.detection.training.tiles import TileSet
from mambamed.detection.training.tiles import collate
from mambamed.detection.training.tiles import flipped
from mambamed.errors import BadRequestError


def _image(folder: Path, name: str, values: np.ndarray, *boxes: OrientedBox) -> AnnotatedImage:
    path = folder / f"{name}.png"
    sitk.WriteImage(sitk.GetImageFromArray(values, isVector=values.ndim == 3), str(path))
    objects = tuple(AnnotatedObject(box) for box in boxes)
    return AnnotatedImage(name, path, (values.shape[1], values.shape[0]), objects)


def _box(cx: float, cy: float, label: str = "ship") -> OrientedBox:
    return OrientedBox(cx, cy, 12.0, 4.0, 0.3, label)


def test_tiles_with_objects_and_pictures_without(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    colour = random.integers(0, 255, (64, 100, 3), dtype=np.uint8)
    images = [
        _image(tmp_path, "one", colour, _box(20, 30), _box(80, 30, "car"), _box(22, 40, "other")),
        _image(tmp_path, "none", random.integers(0, 255, (40, 48), dtype=np.uint8)),
    ]
    tiles = TileSet(images, ("car", "ship"), tile_px=64, overlap_px=16, flips=False)
    # The first picture has tiles from x = 0 and 36; both show an object. The second is one tile.
    assert len(tiles) == 3
    assert tiles.object_count == 2
    values, objects = tiles[1, 0]
    expected = (colour[:, 36:].transpose(2, 0, 1) / 255 - np.reshape(IMAGENET_MEAN, (3, 1, 1))) / np.reshape(
        IMAGENET_DEVIATION, (3, 1, 1)
    )
    assert np.allclose(values.numpy(), expected, atol=1e-5)
    assert objects.labels.tolist() == [0]
    assert objects.boxes[0, :2].tolist() == pytest.approx([44, 30])
    grey, nothing = tiles[2, 0]
    assert grey.shape == (3, 40, 48)
    assert len(nothing.boxes) == 0


@pytest.mark.parametrize("axes", [(), (1,), (2,), (1, 2)])
def test_a_flip_moves_boxes_with_what_they_hold(axes: tuple[int, ...]) -> None:
    box = OrientedBox(20.0, 11.0, 14.0, 5.0, 0.5, "ship")
    y, x = torch.meshgrid(torch.arange(31.0), torch.arange(45.0), indexing="ij")
    along = (x - box.cx) * np.cos(box.angle_rad) + (y - box.cy) * np.sin(box.angle_rad)
    across = (y - box.cy) * np.cos(box.angle_rad) - (x - box.cx) * np.sin(box.angle_rad)
    picture = ((along.abs() <= box.w / 2) & (across.abs() <= box.h / 2)).float()[None]
    boxes = torch.tensor([[box.cx, box.cy, box.w, box.h, box.angle_rad]])
    objects = ImageObjects(boxes, torch.tensor([0]), torch.tensor([False]))
    turned, moved = flipped(picture, objects, axes)
    rows, columns = turned[0].nonzero().unbind(1)
    assert moved.boxes[0, 0].item() == pytest.approx(columns.double().mean().item(), abs=0.2)
    assert moved.boxes[0, 1].item() == pytest.approx(rows.double().mean().item(), abs=0.2)
    # The direction in which the drawn pixels spread is the box's.
    spread = torch.atan2(
        2 * ((columns - columns.double().mean()) * (rows - rows.double().mean())).sum(),
        ((columns - columns.double().mean()) ** 2 - (rows - rows.double().mean()) ** 2).sum(),
    )
    difference = (moved.boxes[0, 4].double() - spread / 2 + torch.pi / 2) % torch.pi - torch.pi / 2
    assert abs(float(difference)) < 0.05
    again = flipped(turned, moved, axes)[1].boxes
    assert float(rotated_iou_pairs(again, boxes)) == pytest.approx(1, abs=1e-4)


def test_flips_depend_on_seed_epoch_and_sample_alone(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 255, (32, 32), dtype=np.uint8)
    image = _image(tmp_path, "one", values, _box(16, 16))
    first, second = (TileSet([image], ("ship",), tile_px=32, overlap_px=0, seed=4) for _ in range(2))
    seen = {first[0, epoch][0].sum(dim=0)[0, 0].item() for epoch in range(40)}
    assert len(seen) == 4
    assert all(torch.equal(first[0, epoch][0], second[0, epoch][0]) for epoch in range(5))


def test_batches_are_filled_up_to_multiples_of_32() -> None:
    nothing = ImageObjects(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    images, objects = collate([(torch.ones(3, 40, 33), nothing), (torch.ones(3, 20, 64), nothing)])
    assert images.shape == (2, 3, 64, 64)
    assert images[0].sum() == 3 * 40 * 33
    assert len(objects) == 2


def test_refuses_pictures_that_are_not_of_8_bits(tmp_path: Path) -> None:
    image = _image(tmp_path, "deep", np.zeros((32, 32), np.uint16), _box(16, 16))
    with pytest.raises(BadRequestError, match="8 bits"):
        TileSet([image], ("ship",), tile_px=32, overlap_px=0)[0, 0]
    with pytest.raises(BadRequestError, match="cannot be read"):
        TileSet([replace(image, path=tmp_path / "absent.png")], ("ship",), tile_px=32, overlap_px=0)[0, 0]
