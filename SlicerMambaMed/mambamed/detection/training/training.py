"""Train a detector: its data, its training, its measures, its model folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mambamed.detection.description import DetectorDescription
from mambamed.detection.description import IntensityNormalisation
from mambamed.detection.model import save_detector
from mambamed.detection.networks.detector import Detector
from mambamed.detection.training.card import training_card
from mambamed.detection.training.data import DetectionData
from mambamed.detection.training.data import prepare_data
from mambamed.detection.training.learning import fit_detector
from mambamed.detection.training.learning import tiles_of
from mambamed.detection.training.measuring import NMS_THRESHOLD
from mambamed.detection.training.measuring import measure_detector
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.tiles import IMAGENET_DEVIATION
from mambamed.detection.training.tiles import IMAGENET_MEAN
from mambamed.detection.training.together import fit_together
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["train_detector", "train_on"]

REPORT_NAME = "report.json"


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
    network, report = train_on(data, settings, work, reporter, resume)
    description = DetectorDescription(
        classes=data.classes,
        network=settings.network(len(data.classes)),
        normalisation=IntensityNormalisation("range", 0.0, 255.0, IMAGENET_MEAN, IMAGENET_DEVIATION),
        tile_size_px=settings.tile_px,
        tile_overlap_px=settings.overlap_px,
        nms_threshold=NMS_THRESHOLD,
    )
    save_detector(model_folder, network, description, training_card(settings, data.classes, report))
    (model_folder / REPORT_NAME).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def train_on(
    data: DetectionData,
    settings: DetectionTrainingSettings,
    work: Path,
    reporter: Reporter,
    resume: bool = False,
    stage: str = "training",
) -> tuple[Detector, dict[str, Any]]:
    """Train and measure on data that ``prepare_data`` gives; return the network and its report."""
    tiles = tiles_of(data, settings)
    reporter.log(
        f"Training on {len(tiles)} tiles of {len(data.train)} images with {tiles.object_count} objects of "
        f"{len(data.classes)} classes; measuring on {len(data.test)} images."
    )
    count = len(data.classes)
    if settings.training_processes * settings.nodes > 1:
        network = fit_together(settings, count, work, reporter, resume)
    else:
        network = fit_detector(tiles, count, settings, work / "fit", reporter, resume=resume, stage=stage)
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
