"""The network on tiles: from normalised values to boxes with scores, also averaged over flipped copies."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mambamed.detection.geometry.angle_conventions import to_convention
from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.detection.geometry.suppression import rotated_nms
from mambamed.detection.networks.detector import DetectorOutput
from mambamed.nn.precision import Precision

__all__ = ["FLIPS", "BoxesWithScores", "find_boxes"]

FLIPS = ((False, False), (True, False), (False, True), (True, True))
"""Flips along x and y whose results are averaged; the first is the picture as it is."""

_BOXES_PER_LEVEL = 2000
_SIDE_MULTIPLE = 32  # tiles are filled up to this, as in training, so that the levels of the pyramid fit together


@dataclass(frozen=True)
class BoxesWithScores:
    """Boxes on the CPU: ``boxes`` (N, 5) float64 in le135, ``scores`` (N,) float64, ``labels`` (N,) class numbers."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Return how many."""
        return len(self.boxes)

    def __getitem__(self, chosen: Tensor) -> BoxesWithScores:
        """Return the chosen ones."""
        return BoxesWithScores(self.boxes[chosen], self.scores[chosen], self.labels[chosen])

    @classmethod
    def joined(cls, parts: Sequence[BoxesWithScores]) -> BoxesWithScores:
        """Return all boxes of some, in order."""
        if not parts:
            return cls(
                torch.zeros(0, 5, dtype=torch.float64), torch.zeros(0, dtype=torch.float64), torch.zeros(0).long()
            )
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in ("boxes", "scores", "labels")))


@torch.inference_mode()
def find_boxes(
    network: Callable[[Tensor], DetectorOutput],
    tiles: Sequence[np.ndarray],
    *,
    device: torch.device,
    precision: Precision,
    score_threshold: float,
    nms_threshold: float,
    maximum_boxes: int,
    classes: Sequence[int],
    flips: bool = False,
) -> list[BoxesWithScores]:
    """Return what a network finds on tiles of one size, in each tile's pixels.

    Args:
        network: a detector in evaluation.
        tiles: each (channels, y, x) float32, normalised.
        device: of the network.
        precision: of its convolutions.
        score_threshold: least score of a box.
        nms_threshold: overlap above which the worse of two boxes of a class goes.
        maximum_boxes: most boxes of a tile.
        classes: numbers of the classes that count.
        flips: average over the flipped copies too.
    """
    height, width = tiles[0].shape[1:]
    stacked = torch.from_numpy(np.stack(tiles))
    views: list[list[BoxesWithScores]] = []
    for flip in FLIPS if flips else FLIPS[:1]:
        axes = [axis for axis, turned in zip((-1, -2), flip, strict=True) if turned]
        images = _filled_up(stacked.flip(axes) if axes else stacked).to(device)
        with precision.autocast(device):
            output = network(images.contiguous(memory_format=precision.memory_format(2)))
        scores, boxes = output.cls_logits.float().sigmoid(), output.boxes()
        found = []
        for tile_scores, tile_boxes in zip(scores, boxes, strict=True):
            best = _best(tile_scores, tile_boxes, output.levels, score_threshold, classes)
            inside = (best.boxes[:, 0] <= width - 0.5) & (best.boxes[:, 1] <= height - 0.5)
            inside &= (best.boxes[:, :2] >= -0.5).all(dim=1)
            found.append(_flipped_back(best[inside], flip, width, height))
        views.append(found)
    return [
        _suppressed(list(of_tile), score_threshold, nms_threshold, maximum_boxes)
        for of_tile in zip(*views, strict=True)
    ]


def _filled_up(images: Tensor) -> Tensor:
    """Fill up with 0, the mean of the values, to the right and below."""
    height, width = images.shape[-2:]
    return functional.pad(images, (0, -width % _SIDE_MULTIPLE, 0, -height % _SIDE_MULTIPLE))


def _best(
    scores: Tensor, boxes: Tensor, levels: Tensor, score_threshold: float, classes: Sequence[int]
) -> BoxesWithScores:
    """Return the boxes (class by class) above the threshold, of at most 2000 priors of each level."""
    scores = scores[list(classes)]
    best_scores = scores.amax(dim=0)
    kept = []
    for level in levels.unique():
        places = ((levels == level) & (best_scores >= score_threshold)).nonzero()[:, 0]
        if len(places) > _BOXES_PER_LEVEL:
            places = places[best_scores[places].topk(_BOXES_PER_LEVEL).indices.sort().values]
        kept.append(places)
    places = torch.cat(kept)
    rows, columns = (scores[:, places] >= score_threshold).nonzero(as_tuple=True)
    numbers = torch.tensor(list(classes), device=scores.device)[rows]
    return BoxesWithScores(
        boxes[places[columns]].cpu().double(), scores[rows, places[columns]].cpu().double(), numbers.cpu()
    )


def _flipped_back(found: BoxesWithScores, flip: tuple[bool, bool], width: int, height: int) -> BoxesWithScores:
    """Return the boxes where they are in the picture that was not flipped; pixel 0 goes to the last pixel."""
    boxes = found.boxes.clone()
    if flip[0]:
        boxes[:, 0] = width - 1 - boxes[:, 0]
    if flip[1]:
        boxes[:, 1] = height - 1 - boxes[:, 1]
    if flip[0] != flip[1]:
        boxes[:, 4] = -boxes[:, 4]
    return BoxesWithScores(to_convention(boxes, "le135"), found.scores, found.labels)


def _suppressed(
    views: list[BoxesWithScores], score_threshold: float, nms_threshold: float, maximum_boxes: int
) -> BoxesWithScores:
    """Return the boxes of all views without doubles; each has the mean over the views of the score found there."""
    together = BoxesWithScores.joined(views)
    kept = together[rotated_nms(together.boxes, together.scores, nms_threshold, together.labels, maximum_boxes)]
    if len(views) == 1 or not len(kept):
        return kept
    sums = torch.zeros_like(kept.scores)
    for view in views:
        if len(view):
            same = rotated_iou(kept.boxes, view.boxes) > nms_threshold
            # A box without area overlaps with nothing, itself included: it is found where it stands.
            same |= (kept.boxes[:, None] == view.boxes[None]).all(dim=-1)
            same &= kept.labels[:, None] == view.labels[None]
            sums += torch.where(same, view.scores[None], 0.0).amax(dim=1)
    scores = sums / len(views)
    order = torch.sort(scores, descending=True, stable=True).indices
    order = order[scores[order] >= score_threshold]
    return BoxesWithScores(kept.boxes[order], scores[order], kept.labels[order])
