"""A detector on an image: cut into slices and tiles, looked at, brought together, placed in space, linked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

from mambamed.detection.geometry.suppression import rotated_nms
from mambamed.detection.inference import BoxesWithScores
from mambamed.detection.inference import find_boxes
from mambamed.detection.intensities import choose_intensities
from mambamed.detection.linking import link_boxes
from mambamed.detection.model import DetectionModel
from mambamed.detection.model import load_detector
from mambamed.detection.oriented_box import OrientedBox
from mambamed.detection.placing import inside_region
from mambamed.detection.placing import place_boxes
from mambamed.detection.placing import place_objects
from mambamed.detection.result import DetectionResult
from mambamed.detection.result import FoundObject
from mambamed.detection.result import ImageFacts
from mambamed.detection.settings import DetectionSettings
from mambamed.detection.slice_views import SliceViews
from mambamed.detection.slice_views import view_slices
from mambamed.detection.tables import pixel_boxes
from mambamed.detection.tile_source import NetworkGrid
from mambamed.detection.tile_source import choose_grid
from mambamed.detection.tiling import Tile
from mambamed.detection.tiling import owned_part
from mambamed.detection.tiling import tiles_of_image
from mambamed.errors import BadRequestError
from mambamed.jobs.record import package_versions
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.nn.precision import choose_precision

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["detect", "predict"]


def detect(image: sitk.Image, model: DetectionModel | str | os.PathLike[str], **settings: Any) -> list[OrientedBox]:
    """Find oriented objects on a picture.

    Args:
        image: 2D, or 3D of which one slice is looked at.
        model: a loaded detector, or its identifier, folder or zip.
        **settings: as ``DetectionSettings`` has them, without ``model``.

    Returns:
        Boxes by descending score, in pixels along the two stored axes in the plane (the first pixel's centre is at
        (0, 0)), in le135. Where pixels are not square, a box is the smallest rectangle around the found one.

    Raises:
        BadRequestError: the image or a setting cannot be used, or several slices would be looked at.
    """
    device = settings.get("device", "auto")
    loaded = model if isinstance(model, DetectionModel) else load_detector(model, device)
    result = predict(loaded, image, DetectionSettings(**{"link_slices": False, **settings}))
    slices = result.image.slices
    if slices is not None and slices[0] != slices[1]:
        raise BadRequestError(
            f"The image has {slices[1] - slices[0] + 1} slices to look at; give a picture or slices=(n, n), or "
            "call mambamed.detection.predict.predict for a volume."
        )
    return pixel_boxes(result.boxes)


def predict(
    model: DetectionModel,
    image: sitk.Image,
    settings: DetectionSettings,
    reporter: Reporter | None = None,
    *,
    spacing_is_known: bool | None = None,
) -> DetectionResult:
    """Find oriented objects on a picture or on the slices of a volume.

    Only the image itself, one batch of tiles and the boxes are held in memory.

    Args:
        model: a loaded detector.
        image: 2D or 3D, one or more values per pixel.
        settings: what was chosen; ``model`` and ``device`` are those of the loaded detector.
        reporter: hears progress and warnings, and may cancel.
        spacing_is_known: whether the pixels' size in mm is known; None takes it as known unless the image is 2D with
            pixels of 1 mm, which is what picture files without a size come with.

    Raises:
        BadRequestError: the image or a setting cannot be used; JobCancelledError when the user cancels.
    """
    reporter = reporter or NullReporter()
    started = time.perf_counter()
    classes = _classes(model.labels, settings.labels)
    views = view_slices(image, settings.slice_axis, settings.slices, settings.region_of_interest_lps_mm)
    if spacing_is_known is None:
        spacing_is_known = image.GetDimension() == 3 or set(image.GetSpacing()) != {1.0}
    grid = choose_grid(views, _pixel_spacing(model, settings, spacing_is_known, reporter))
    intensities = choose_intensities(model.description, views, settings.intensity_range, reporter)
    precision = choose_precision(settings.precision, model.device, 2)
    score_threshold = _chosen(settings.score_threshold, model.description.score_threshold)
    nms_threshold = _chosen(settings.nms_threshold, model.description.nms_threshold)

    def look(parts: list[Any]) -> list[BoxesWithScores]:
        return find_boxes(
            model.network,
            [intensities.apply(part) for part in parts],
            device=model.device,
            precision=precision,
            score_threshold=score_threshold,
            nms_threshold=nms_threshold,
            maximum_boxes=settings.maximum_boxes,
            classes=classes,
            flips=settings.flips,
        )

    tiles, overlap = _tiles(model, settings, views, grid)
    found = _look_at_slices(views, grid, tiles, overlap, look, settings, nms_threshold, reporter)
    looked = time.perf_counter()
    boxes = place_boxes(found, views, grid, model.labels)
    links = settings.link_slices and views.plane != "picture" and len(views.slices) > 1
    objects: list[FoundObject] = []
    if links:
        boxes, objects = place_objects(boxes, _chains(found, settings), views)
    facts = ImageFacts(
        dimension=image.GetDimension(),
        size=image.GetSize(),
        spacing_mm=image.GetSpacing(),
        channels=image.GetNumberOfComponentsPerPixel(),
        spacing_is_known=spacing_is_known,
        plane=views.plane,
        slice_axis=None if views.plane == "picture" else views.slice_axis,
        slices=None if views.plane == "picture" else (views.slices[0], views.slices[-1]),
    )
    counts = {
        name: {
            "boxes": sum(box.label == name for box in boxes),
            "objects": sum(item.label == name for item in objects),
        }
        for name in (model.labels[number] for number in classes)
    }
    record = {
        "versions": package_versions(),
        "device": str(model.device),
        "dtype": precision.name,
        "seed": settings.seed,
        "model": {
            "id": model.card.id,
            "version": model.card.version,
            "title": model.card.title,
            "sha256": model.card.sha256(),
            "demonstration_only": model.card.demonstration_only,
        },
        "counts": counts,
        "network_pixels": {"width": grid.width, "height": grid.height, "spacing_mm": grid.spacing_mm},
        "tiles": {"side": tiles[0].width if tiles else 0, "overlap": overlap, "per_slice": len(tiles)},
        "intensity_range": [intensities.normalisation.low, intensities.normalisation.high],
        "durations_s": {"look": looked - started, "place and link": time.perf_counter() - looked},
    }
    return DetectionResult(
        tuple(boxes), tuple(objects), model.card.labels, facts, score_threshold, nms_threshold, links, record
    )


def _look_at_slices(
    views: SliceViews,
    grid: NetworkGrid,
    tiles: list[Tile],
    overlap: int,
    look: Callable[[list[Any]], list[BoxesWithScores]],
    settings: DetectionSettings,
    nms_threshold: float,
    reporter: Reporter,
) -> dict[int, BoxesWithScores]:
    """Return the boxes of each slice in network pixels; tiles are read, shown and forgotten a batch at a time."""
    waiting: dict[int, list[BoxesWithScores]] = {number: [] for number in views.slices}
    found: dict[int, BoxesWithScores] = {}
    places = [(number, tile) for number in views.slices for tile in tiles]
    for start in range(0, len(places), settings.batch_size):
        reporter.check_cancelled()
        batch = places[start : start + settings.batch_size]
        results = look([grid.read(views.view(number), tile) for number, tile in batch])
        for (number, tile), boxes in zip(batch, results, strict=True):
            waiting[number].append(_of_tile(boxes, tile, grid, overlap))
        for number in sorted({number for number, _ in batch}):
            if len(waiting[number]) == len(tiles):
                merged = BoxesWithScores.joined(waiting.pop(number))
                kept = rotated_nms(merged.boxes, merged.scores, nms_threshold, merged.labels, settings.maximum_boxes)
                merged = merged[kept]
                if settings.region_of_interest_lps_mm is not None:
                    merged = inside_region(merged, number, views, grid, settings.region_of_interest_lps_mm)
                found[number] = merged
        reporter.progress("looking for objects", min(1.0, (start + len(batch)) / len(places)))
    return found


def _of_tile(boxes: BoxesWithScores, tile: Tile, grid: NetworkGrid, overlap: int) -> BoxesWithScores:
    """Return the boxes of which a tile has the say, in the picture's network pixels."""
    moved = boxes.boxes.clone()
    moved[:, 0] += tile.x
    moved[:, 1] += tile.y
    x0, y0, x1, y1 = owned_part(tile, grid.width, grid.height, overlap)
    x, y = moved[:, 0], moved[:, 1]
    owned = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    return BoxesWithScores(moved, boxes.scores, boxes.labels)[owned]


def _tiles(
    model: DetectionModel, settings: DetectionSettings, views: SliceViews, grid: NetworkGrid
) -> tuple[list[Tile], int]:
    """Return the tiles of a slice that meet the region of interest, and their overlap."""
    side = settings.tile_size_px or model.description.tile_size_px
    overlap = settings.tile_overlap_px
    if overlap is None:
        overlap = min(model.description.tile_overlap_px, side // 4)
    x0, y0, x1, y1 = (value / grid.steps[place % 2] for place, value in enumerate(views.crop_of_view()))
    tiles = [
        tile
        for tile in tiles_of_image(grid.width, grid.height, side=side, overlap=overlap)
        if tile.x <= x1 + 1 and tile.y <= y1 + 1 and tile.x + tile.width >= x0 and tile.y + tile.height >= y0
    ]
    return tiles, overlap


def _chains(found: dict[int, BoxesWithScores], settings: DetectionSettings) -> list[list[int]]:
    """Return the linked boxes, as positions in the list of all boxes, slice by slice."""
    first, starts = 0, {}
    for number in sorted(found):
        starts[number] = first
        first += len(found[number])
    chains = link_boxes(found, overlap=settings.link_overlap, gap=settings.link_gap)
    return [
        [starts[number] + position for number, position in chain]
        for chain in chains
        if len(chain) >= settings.minimum_slices
    ]


def _classes(labels: tuple[str, ...], wanted: tuple[str, ...] | None) -> list[int]:
    if wanted is None:
        return list(range(len(labels)))
    unknown = [name for name in wanted if name not in labels]
    if unknown:
        raise BadRequestError(f"The model does not know {', '.join(unknown)}; its labels are {', '.join(labels)}.")
    return [number for number, name in enumerate(labels) if name in wanted]


def _pixel_spacing(
    model: DetectionModel, settings: DetectionSettings, spacing_is_known: bool, reporter: Reporter
) -> float | None:
    """Return the side in mm of the pixels that the network is to see; None for those of the image."""
    wanted = _chosen(settings.pixel_spacing_mm, model.description.pixel_spacing_mm)
    if wanted is not None and not spacing_is_known:
        reporter.warning(
            f"The model was made for pixels of {wanted:g} mm, but the size of this picture's pixels is not known; it "
            "is looked at as it is."
        )
        return None
    return wanted


def _chosen(wanted: Any, otherwise: Any) -> Any:
    return otherwise if wanted is None else wanted
