"""Measure a detector on annotated images, tile by tile, as it will be used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mambamed.detection.data_folder import AnnotatedImage
from mambamed.detection.evaluation import evaluate_average_precision
from mambamed.detection.evaluation import evaluate_free_response
from mambamed.detection.inference import BoxesWithScores
from mambamed.detection.inference import find_boxes
from mambamed.detection.networks.detector import Detector
from mambamed.detection.oriented_box import OrientedBox
from mambamed.detection.tiling import merge_tiles
from mambamed.detection.tiling import tiles_of_image
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.tiles import IMAGENET_DEVIATION
from mambamed.detection.training.tiles import IMAGENET_MEAN
from mambamed.detection.training.tiles import ImageReader
from mambamed.jobs.reporter import Reporter
from mambamed.nn.device import choose_device
from mambamed.nn.precision import choose_precision

__all__ = ["NMS_THRESHOLD", "SCORE_THRESHOLD", "measure_detector", "objects_found"]

SCORE_THRESHOLD = 0.05
NMS_THRESHOLD = 0.4
_MOST_BOXES = 2000


def measure_detector(
    network: Detector,
    images: Sequence[AnnotatedImage],
    classes: Sequence[str],
    settings: DetectionTrainingSettings,
    reporter: Reporter,
) -> dict[str, Any]:
    """Return AP50, AP75, mAP (DOTA's rule, 11 recalls and all points), and the mean sensitivity of the FROC curve.

    Objects of classes that the network does not know do not count. Without objects to be found the values are absent.
    """
    objects = {image.name: [item for item in image.objects if item.box.label in classes] for image in images}
    found = objects_found(network, images, classes, settings, reporter)
    precision = evaluate_average_precision(objects, found)
    all_point = evaluate_average_precision(objects, found, rule="all-point")
    free = evaluate_free_response(objects, found)
    values = {
        "ap50": precision.ap50,
        "ap75": precision.ap75,
        "map": precision.mean,
        "ap50_all_point": all_point.ap50,
        "mean_sensitivity": free.mean_sensitivity,
        **{f"ap50 {label}": row[0] for label, row in precision.by_label.items()},
    }
    measures: dict[str, Any] = {name: value for name, value in values.items() if not math.isnan(value)}
    return {**measures, "images": len(images), "objects": sum(precision.object_count.values())}


def objects_found(
    network: Detector,
    images: Sequence[AnnotatedImage],
    classes: Sequence[str],
    settings: DetectionTrainingSettings,
    reporter: Reporter,
) -> dict[str, list[OrientedBox]]:
    """Return what the network finds in each image, by the image's name."""
    device = choose_device(settings.device)
    network = network.to(device).eval()
    reader = ImageReader()
    mean, deviation = (np.array(values, np.float32).reshape(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_DEVIATION))
    found = {}
    for number, image in enumerate(images):
        reporter.check_cancelled()
        reporter.progress("measuring", number / len(images))
        picture = reader.read(image.path)
        by_tile = []
        for tile in tiles_of_image(*image.size, side=settings.tile_px, overlap=settings.overlap_px):
            values = picture[:, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width].astype(np.float32)
            boxes = find_boxes(
                network,
                [(values / np.float32(255) - mean) / deviation],
                device=device,
                precision=choose_precision("float32", device),
                score_threshold=SCORE_THRESHOLD,
                nms_threshold=NMS_THRESHOLD,
                maximum_boxes=_MOST_BOXES,
                classes=range(len(classes)),
            )[0]
            by_tile.append((tile, _named(boxes, classes)))
        found[image.name] = merge_tiles(by_tile, iou_threshold=NMS_THRESHOLD, maximum_kept=_MOST_BOXES)
    network.cpu()
    return found


def _named(found: BoxesWithScores, classes: Sequence[str]) -> list[OrientedBox]:
    rows = zip(found.boxes.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True)
    return [OrientedBox(cx, cy, w, h, angle, classes[label], score) for (cx, cy, w, h, angle), label, score in rows]
