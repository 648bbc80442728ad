"""Tiles of annotated images as training samples: read, cut, flipped at random, normalised, batched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.data_folder import AnnotatedImage
from mambamed.detection.geometry.angle_conventions import to_convention
from mambamed.detection.tiling import Tile
from mambamed.detection.tiling import objects_in_tile
from mambamed.detection.tiling import tiles_of_image
from mambamed.detection.training.criterion import ImageObjects
from mambamed.errors import BadRequestError
from mambamed.training.seeds import derived_seed

__all__ = ["IMAGENET_DEVIATION", "IMAGENET_MEAN", "Batch", "ImageReader", "TileSet", "collate", "flipped"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_SIDE_MULTIPLE = 32
_CACHED_BYTES = 256 * 1024 * 1024
_FLIPS = ((), (2,), (1,), (1, 2))  # none, horizontal, vertical, diagonal: axes of (channels, rows, columns)

Batch = tuple[Tensor, list[ImageObjects]]


class ImageReader:
    """Reads 8-bit images as (3, rows, columns) and keeps the first ones, as far as they fit."""

    def __init__(self) -> None:
        self._kept: dict[Path, np.ndarray] = {}
        self._bytes = 0

    def read(self, path: Path) -> np.ndarray:
        """Return uint8 (3, rows, columns); grey becomes three equal channels.

        Raises:
            BadRequestError: the file is no 8-bit grey or colour image.
        """
        if path in self._kept:
            return self._kept[path]
        try:
            values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        except RuntimeError as error:
            raise BadRequestError(f"The image {path} cannot be read; give PNG, JPEG, TIFF or BMP.") from error
        if values.ndim == 2:
            values = np.repeat(values[..., None], 3, axis=-1)
        if values.ndim != 3 or values.shape[-1] not in (3, 4) or values.dtype != np.uint8:
            raise BadRequestError(
                f"The image {path} has the shape {values.shape} and {values.dtype}; give grey or colour of 8 bits."
            )
        picture = np.ascontiguousarray(values[..., :3].transpose(2, 0, 1))
        if self._bytes + picture.nbytes <= _CACHED_BYTES:
            self._kept[path] = picture
            self._bytes += picture.nbytes
        return picture


@dataclass(frozen=True)
class _Sample:
    path: Path
    tile: Tile
    objects: ImageObjects


class TileSet(Dataset[tuple[Tensor, ImageObjects]]):
    """The tiles of images that show objects, and all tiles of images that have none.

    A sample is asked for by (index, epoch), which decide its flip.
    """

    def __init__(
        self,
        images: Sequence[AnnotatedImage],
        classes: Sequence[str],
        *,
        tile_px: int,
        overlap_px: int,
        flips: bool = True,
        seed: int = 0,
    ) -> None:
        """Cut the images.

        Args:
            images: at least one.
            classes: names in the network's order; objects of other classes are left out.
            tile_px: side of a tile.
            overlap_px: pixels that neighbours share.
            flips: whether samples are mirrored at random.
            seed: of the flips.
        """
        numbers = {name: number for number, name in enumerate(classes)}
        self._samples: list[_Sample] = []
        for image in images:
            objects = [item for item in image.objects if item.box.label in numbers]
            for tile in tiles_of_image(*image.size, side=tile_px, overlap=overlap_px):
                shown = objects_in_tile(objects, tile)
                if shown or not objects:
                    self._samples.append(_Sample(image.path, tile, _as_tensors(shown, numbers)))
        self._flips = flips
        self._seed = seed
        self._reader = ImageReader()
        self._mean = torch.tensor(IMAGENET_MEAN).reshape(3, 1, 1)
        self._deviation = torch.tensor(IMAGENET_DEVIATION).reshape(3, 1, 1)

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self._samples)

    @property
    def object_count(self) -> int:
        """Objects of all tiles, an object of two tiles counted twice."""
        return sum(len(sample.objects.boxes) for sample in self._samples)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, ImageObjects]:
        """Return a tile (3, rows, columns), float32, normalised, and its objects."""
        index, epoch = key
        sample = self._samples[index]
        tile = sample.tile
        picture = self._reader.read(sample.path)[:, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        values = (torch.from_numpy(picture.astype(np.float32)) / 255.0 - self._mean) / self._deviation
        if not self._flips:
            return values, sample.objects
        draw = np.random.default_rng(derived_seed(self._seed, epoch, index)).integers(len(_FLIPS))
        return flipped(values, sample.objects, _FLIPS[int(draw)])


def flipped(picture: Tensor, objects: ImageObjects, axes: tuple[int, ...]) -> tuple[Tensor, ImageObjects]:
    """Mirror a picture (channels, rows, columns) along axes (1, 2), and its boxes with it."""
    boxes = objects.boxes.clone()
    for axis, place in ((2, 0), (1, 1)):
        if axis in axes:
            boxes[:, place] = picture.shape[axis] - 1 - boxes[:, place]
            boxes[:, 4] = -boxes[:, 4]
    boxes = to_convention(boxes, "le135") if len(boxes) else boxes
    turned = picture.flip(axes) if axes else picture
    return turned, ImageObjects(boxes, objects.labels, objects.difficult)


def collate(samples: Sequence[tuple[Tensor, ImageObjects]]) -> Batch:
    """Stack tiles, filled up with 0 (the mean) to the right and below to one size, a multiple of 32."""
    heights, widths = ([picture.shape[axis] for picture, _ in samples] for axis in (1, 2))
    height, width = (-(-max(sides) // _SIDE_MULTIPLE) * _SIDE_MULTIPLE for sides in (heights, widths))
    images = torch.zeros(len(samples), samples[0][0].shape[0], height, width)
    for place, (picture, _) in zip(images, samples, strict=True):
        place[:, : picture.shape[1], : picture.shape[2]] = picture
    return images, [objects for _, objects in samples]


def _as_tensors(objects: Sequence[AnnotatedObject], numbers: dict[str, int]) -> ImageObjects:
    boxes = [[item.box.cx, item.box.cy, item.box.w, item.box.h, item.box.angle_rad] for item in objects]
    return ImageObjects(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 5),
        torch.tensor([numbers[item.box.label] for item in objects], dtype=torch.int64),
        torch.tensor([item.difficult for item in objects], dtype=torch.bool),
    )
