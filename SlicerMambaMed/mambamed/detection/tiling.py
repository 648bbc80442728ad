"""Large images as overlapping tiles: cutting, objects of a tile, and merging what was found in the tiles.

DOTA's images are cut into tiles of 1024 pixels that overlap by 200; a tile that would reach over the right or lower
border is moved back to end there.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import torch
from torch import Tensor

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.detection.geometry.suppression import rotated_nms
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError

__all__ = ["Tile", "merge_tiles", "objects_in_tile", "owned_part", "tiles_of_image"]


@dataclass(frozen=True)
class Tile:
    """An upright part of an image.

    Attributes:
        x: first column.
        y: first row.
        width: columns.
        height: rows.
    """

    x: int
    y: int
    width: int
    height: int


def tiles_of_image(width: int, height: int, *, side: int = 1024, overlap: int = 200) -> Iterator[Tile]:
    """Return the tiles that cover an image, row by row from the upper left one.

    The tiles come one at a time: who cuts, predicts and forgets one before the next holds one tile in memory.

    Args:
        width: columns of the image.
        height: rows of the image.
        side: columns and rows of a tile, pixels; of an image that is smaller the tile is the whole width or height.
        overlap: columns and rows that neighbours share, pixels; an object that is not larger lies wholly in a tile.

    Raises:
        BadRequestError: a size is less than 1, or the overlap is negative or not smaller than the side.
    """
    if min(width, height, side) < 1:
        raise BadRequestError(f"The image has {width} x {height} pixels, a tile {side}; give sizes of at least 1.")
    if not 0 <= overlap < side:
        raise BadRequestError(f"The tiles of {side} pixels overlap by {overlap}; give an overlap from 0 to {side - 1}.")
    columns, rows = _starts(width, side, overlap), _starts(height, side, overlap)
    return (Tile(x, y, min(side, width), min(side, height)) for y in rows for x in columns)


def _starts(length: int, side: int, overlap: int) -> list[int]:
    last = max(0, length - side)
    return [*range(0, last, side - overlap), last]


def objects_in_tile(
    objects: Sequence[AnnotatedObject], tile: Tile, *, least_share: float = 0.7
) -> list[AnnotatedObject]:
    """Return the objects that a tile shows, in the tile's coordinates.

    An object keeps its whole rectangle where the tile cuts it. One of which the tile shows less than ``least_share`` of
    the area is marked difficult (as DOTA's own tiles do), one without area in the tile is left out.

    Args:
        objects: in the image's coordinates, pixels.
        tile: part of the image.
        least_share: between 0 and 1.
    """
    if not 0 <= least_share <= 1:
        raise BadRequestError(f"The share of an object that a tile must show is {least_share}; give 0 to 1.")
    if not objects:
        return []
    boxes = torch.tensor([_numbers(item.box) for item in objects], dtype=torch.float64)
    middle = (tile.x + 0.5 * tile.width, tile.y + 0.5 * tile.height)
    frame = torch.tensor([[*middle, tile.width, tile.height, 0.0]], dtype=torch.float64)
    iou = rotated_iou(boxes, frame)[:, 0]
    area = boxes[:, 2] * boxes[:, 3]
    # iou = common / (area + tile - common), solved for the common area.
    common = iou / (1 + iou) * (area + tile.width * tile.height)
    shares = torch.where(area > 0, common / torch.where(area > 0, area, 1.0), 0.0).tolist()
    found = []
    for item, share in zip(objects, shares, strict=True):
        if share > 0:
            box = replace(item.box, cx=item.box.cx - tile.x, cy=item.box.cy - tile.y)
            # A whole object's share may be a rounding below 1.
            found.append(AnnotatedObject(box, difficult=item.difficult or share < least_share - 1e-9))
    return found


def merge_tiles(
    found: Iterable[tuple[Tile, Sequence[OrientedBox]]], *, iou_threshold: float = 0.4, maximum_kept: int | None = None
) -> list[OrientedBox]:
    """Bring the boxes found in tiles into the image's coordinates and keep one of those that mean the same object.

    Boxes of different labels do not suppress each other. Only boxes are held in memory: tiles may come from a generator
    that predicts one after the other.

    Args:
        found: each tile with its boxes in the tile's coordinates, pixels.
        iou_threshold: a box goes when its overlap with one of the same label and a higher score is larger than this.
        maximum_kept: keep no more than so many of the best.

    Returns:
        Boxes by descending score; of equal scores the one that came first comes first.
    """
    boxes = [replace(box, cx=box.cx + tile.x, cy=box.cy + tile.y) for tile, tile_boxes in found for box in tile_boxes]
    if not boxes:
        return []
    order = {label: number for number, label in enumerate(sorted({box.label for box in boxes}))}
    kept: Tensor = rotated_nms(
        torch.tensor([_numbers(box) for box in boxes], dtype=torch.float64),
        torch.tensor([box.score for box in boxes], dtype=torch.float64),
        iou_threshold,
        torch.tensor([order[box.label] for box in boxes]),
        maximum_kept,
    )
    return [boxes[index] for index in kept.tolist()]


def _numbers(box: OrientedBox) -> tuple[float, float, float, float, float]:
    return box.cx, box.cy, box.w, box.h, box.angle_rad


def owned_part(tile: Tile, width: int, height: int, overlap: int) -> tuple[float, float, float, float]:
    """Return the part of the image (x0, y0, x1, y1) of whose objects a tile has the say.

    It ends in the middle of the overlap with a neighbour, and a little beyond, so that one of the two at least
    keeps an object on the line. The piece that a tile shows of an object that lies wholly in the neighbour has its
    centre outside.

    Args:
        tile: one of ``tiles_of_image``.
        width: columns of the image.
        height: rows of the image.
        overlap: columns and rows that neighbours share.
    """
    inset = 0.375 * overlap - 0.5
    return (
        tile.x + inset if tile.x > 0 else -0.5,
        tile.y + inset if tile.y > 0 else -0.5,
        tile.x + tile.width - 1 - inset if tile.x + tile.width < width else width - 0.5,
        tile.y + tile.height - 1 - inset if tile.y + tile.height < height else height - 0.5,
    )
