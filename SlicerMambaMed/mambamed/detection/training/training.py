"""Train a detector: its data, its training, its measures, its model folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mambamed.detection.data_folder import AnnotatedImage
from mambamed.detection.data_folder import read_data_folder
from mambamed.detection.description import DetectorDescription
from mambamed.detection.description import IntensityNormalisation
from mambamed.detection.model import save_detector
from mambamed.detection.networks.detector import Detector
from mambamed.detection.synthetic.data_set import write_data_set
from mambamed.detection.training.card import training_card
from mambamed.detection.training.learning import fit_detector
from mambamed.detection.training.measuring import NMS_THRESHOLD
from mambamed.detection.training.measuring import SCORE_THRESHOLD
from mambamed.detection.training.measuring import measure_detector
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.tiles import IMAGENET_DEVIATION
from mambamed.detection.training.tiles import IMAGENET_MEAN
from mambamed.detection.training.tiles import TileSet
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["DetectionData", "prepare_data", "train_detector", "train_on"]

REPORT_NAME = "report.json"


@dataclass(frozen=True)
class DetectionData:
    """What a detector is trained and measured on.

    Attributes:
        train: training images.
        test: images for the measures.
        classes: names in the network's order.
        seen: whether the test images are the training images.
    """

    train: list[AnnotatedImage]
    test: list[AnnotatedImage]
    classes: tuple[str, ...]
    seen: bool


def train_detector(
    settings: DetectionTrainingSettings,
    work: Path,
    model_folder: Path,
    reporter: Reporter | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Train, measure and write a model folder.

    Args:
        settings: what, on what, how.
        work: for synthetic pictures and checkpoints; a resumed run finds them there.
        model_folder: new folder of the model; ``report.json`` is put beside its card.
        reporter: hears progress and metrics, may cancel or stop.
        resume: go on from the checkpoint in ``work``.

    Returns:
        The report: sizes of the data, measures, settings.

    Raises:
        BadRequestError: the data have problems.
        JobCancelledError: cancelled or stopped.
        MambaMedError: the loss became NaN or infinite.
    """
    reporter = reporter or NullReporter()
    data = prepare_data(settings, work)
    network, report = train_on(data, settings, work / "fit", reporter, resume)
    description = DetectorDescription(
        classes=data.classes,
        network=settings.network(len(data.classes)),
        normalisation=IntensityNormalisation("range", 0.0, 255.0, IMAGENET_MEAN, IMAGENET_DEVIATION),
        tile_size_px=settings.tile_px,
        tile_overlap_px=settings.overlap_px,
        score_threshold=SCORE_THRESHOLD,
        nms_threshold=NMS_THRESHOLD,
    )
    save_detector(model_folder, network, description, training_card(settings, data.classes, report))
    (model_folder / REPORT_NAME).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def train_on(
    data: DetectionData,
    settings: DetectionTrainingSettings,
    folder: Path,
    reporter: Reporter,
    resume: bool = False,
    stage: str = "training",
) -> tuple[Detector, dict[str, Any]]:
    """Train and measure on data that are prepared; return the network and its report."""
    tiles = TileSet(
        data.train,
        data.classes,
        tile_px=settings.tile_px,
        overlap_px=settings.overlap_px,
        flips=settings.flips,
        seed=settings.seed,
    )
    reporter.log(
        f"Training on {len(tiles)} tiles of {len(data.train)} images with {tiles.object_count} objects of "
        f"{len(data.classes)} classes; measuring on {len(data.test)} images."
    )
    network = fit_detector(tiles, len(data.classes), settings, folder, reporter, resume=resume, stage=stage)
    measures = measure_detector(network, data.test, data.classes, settings, reporter)
    for name, value in measures.items():
        if isinstance(value, float):
            reporter.metric(name, value)
    return network, {
        "images": len(data.train),
        "tiles": len(tiles),
        "objects": tiles.object_count,
        "classes": list(data.classes),
        "measured_on_training_images": data.seen,
        "test": measures,
        "settings": settings.to_json(),
    }


def prepare_data(settings: DetectionTrainingSettings, work: Path) -> DetectionData:
    """Read the annotated images, or draw synthetic ones, and part them.

    Raises:
        BadRequestError: the data have problems, hold no objects, or lack a class.
    """
    if settings.synthetic:
        train = _synthetic(settings, work / "synthetic", "train", settings.synthetic_images)
        test = _synthetic(settings, work / "synthetic", "test", settings.synthetic_test_images)
        return DetectionData(train, test, settings.classes or settings.synthetic_pictures.labels, seen=False)
    images = read_data_folder(settings.dataset, settings.classes)
    held_out = round(settings.held_out_share * len(images))
    if settings.test_dataset:
        train, test = images, read_data_folder(settings.test_dataset, settings.classes)
    elif held_out:
        order = np.random.default_rng(settings.seed).permutation(len(images)).tolist()
        test, train = ([images[place] for place in sorted(part)] for part in (order[:held_out], order[held_out:]))
    else:
        train = test = images
    labels = _labels_of(train)
    if not labels:
        raise BadRequestError(f"The training images of {settings.dataset} have no objects; annotate some.")
    if missing := sorted(set(settings.classes) - set(labels)):
        raise BadRequestError(
            f"No training image has an object of {', '.join(missing)}; the annotations have {', '.join(labels)}."
        )
    return DetectionData(train, test, settings.classes or tuple(labels), seen=test is train)


def _synthetic(settings: DetectionTrainingSettings, folder: Path, split: str, count: int) -> list[AnnotatedImage]:
    """Write the pictures of a split unless a run before has, and read them."""
    place = folder / split
    description = place / "settings.json"
    wanted = {"settings": settings.synthetic_pictures.to_json(), "split": split, "count": count}
    if not (place / "complete").is_file() or json.loads(description.read_text(encoding="utf-8")) != wanted:
        shutil.rmtree(place, ignore_errors=True)
        write_data_set(place, settings.synthetic_pictures, split, count)
        (place / "complete").touch()
    return read_data_folder(place)


def _labels_of(images: Sequence[AnnotatedImage]) -> list[str]:
    """Return the labels of all objects, by alphabet."""
    return sorted({item.box.label for image in images for item in image.objects})
