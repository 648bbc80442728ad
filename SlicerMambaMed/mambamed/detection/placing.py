"""From a network's boxes on views to boxes and objects in space."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import torch

from mambamed.detection.geometry.corners import boxes_to_corners
from mambamed.detection.inference import BoxesWithScores
from mambamed.detection.oriented_solid import solid_around
from mambamed.detection.result import FoundBox
from mambamed.detection.result import FoundObject
from mambamed.detection.slice_views import SliceViews
from mambamed.detection.tile_source import NetworkGrid

__all__ = ["inside_region", "place_boxes", "place_objects"]


def inside_region(
    found: BoxesWithScores, number: int, views: SliceViews, grid: NetworkGrid, region_lps_mm: Sequence[float]
) -> BoxesWithScores:
    """Return the boxes of a slice whose centre lies in a region (xmin, xmax, ymin, ymax, zmin, zmax; LPS mm).

    For a 2D image, which has no place along z, the first four count.
    """
    centres = views.in_space(views.index_of(grid.to_view(found.boxes[:, :2].numpy()), number))
    limits = np.sort(np.asarray(region_lps_mm, dtype=float).reshape(3, 2), axis=1)
    axes = 2 if views.plane == "picture" else 3
    inside = ((centres >= limits[:, 0]) & (centres <= limits[:, 1]))[:, :axes].all(axis=1)
    return found[torch.from_numpy(inside)]


def place_boxes(
    found: Mapping[int, BoxesWithScores], views: SliceViews, grid: NetworkGrid, labels: Sequence[str]
) -> list[FoundBox]:
    """Return the boxes of all slices in space, slice by slice, numbered from 1.

    Args:
        found: boxes in network pixels, by slice.
        views: how the image was cut.
        grid: the network's pixels on the views.
        labels: names of the classes.
    """
    placed: list[FoundBox] = []
    spacing = np.asarray(views.spacing_mm)
    for number in sorted(found):
        boxes = found[number]
        # The longer side first: the corners go along w from the first to the second.
        in_view = grid.to_view(boxes_to_corners(boxes.boxes).numpy())
        index = views.index_of(in_view, number)
        space = views.in_space(index)
        for position in range(len(boxes)):
            corners = space[position]
            along = (in_view[position, 1] - in_view[position, 0]) * spacing
            sides = corners[1] - corners[0], corners[2] - corners[1]
            lengths = [float(np.linalg.norm(side)) for side in sides]
            first, second = sides[0] / lengths[0], sides[1] / lengths[1]
            placed.append(
                FoundBox(
                    id=len(placed) + 1,
                    label=labels[int(boxes.labels[position])],
                    score=min(1.0, float(boxes.scores[position])),
                    slice=None if views.plane == "picture" else number,
                    corners_px=index[position][:, sorted(views.view_axes)],
                    corners_lps_mm=corners,
                    centre_lps_mm=corners.mean(axis=0),
                    axes_lps=np.stack([first, second, np.cross(first, second)]),
                    size_mm=np.array([*lengths, views.slice_spacing_mm]),
                    angle_deg=float(np.degrees(np.arctan2(along[1], along[0])) % 180.0),
                    pixel_mm=float(spacing.min()),
                )
            )
    return placed


def place_objects(
    boxes: Sequence[FoundBox], chains: Sequence[Sequence[int]], views: SliceViews
) -> tuple[list[FoundBox], list[FoundObject]]:
    """Return the linked objects in space, and their boxes, which then know their object.

    Args:
        boxes: as ``place_boxes`` gave them.
        chains: of each object the positions of its boxes among ``boxes``.
        views: how the image was cut.

    Returns:
        The boxes of all chains, in their order and numbered anew; the objects by descending score.
    """
    normal = views.matrix[:, views.slice_axis]
    # Across the view: for axes that are not perpendicular this is not the step from slice to slice.
    across = np.cross(views.matrix[:, views.view_axes[0]], views.matrix[:, views.view_axes[1]])
    across = across / np.linalg.norm(across)
    thickness_mm = abs(float(normal @ across))
    ordered = sorted(chains, key=lambda chain: -max(boxes[position].score for position in chain))
    object_of = {position: number for number, chain in enumerate(ordered, 1) for position in chain}
    kept = [position for position in range(len(boxes)) if position in object_of]
    number_of = {position: number for number, position in enumerate(kept, 1)}
    objects = []
    for number, chain in enumerate(ordered, 1):
        members = [boxes[position] for position in chain]
        solid = solid_around([box.corners_lps_mm for box in members], across, thickness_mm)
        slices = [box.slice for box in members if box.slice is not None]
        objects.append(
            FoundObject(
                id=number,
                label=members[0].label,
                score=max(box.score for box in members),
                centre_lps_mm=solid.centre_lps_mm,
                axes_lps=solid.axes_lps,
                size_mm=solid.size_mm,
                slices=(min(slices), max(slices)),
                boxes=tuple(number_of[position] for position in chain),
            )
        )
    renumbered = [
        dataclasses.replace(boxes[position], id=number_of[position], object=object_of[position]) for position in kept
    ]
    return renumbered, objects
