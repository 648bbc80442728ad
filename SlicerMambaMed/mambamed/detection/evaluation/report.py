"""A detector's scores as JSON, CSV and tables."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.evaluation.average_precision import IOU_THRESHOLDS
from mambamed.detection.evaluation.average_precision import AveragePrecision
from mambamed.detection.evaluation.average_precision import evaluate_average_precision
from mambamed.detection.evaluation.folders import read_annotated_folder
from mambamed.detection.evaluation.folders import read_found_folder
from mambamed.detection.evaluation.free_response import FALSE_PER_IMAGE
from mambamed.detection.evaluation.free_response import FreeResponse
from mambamed.detection.evaluation.free_response import evaluate_free_response
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError

__all__ = [
    "DetectionScores",
    "evaluate_folders",
    "label_table",
    "method_table",
    "score_boxes",
    "scores_csv",
    "scores_json",
]

RULES = ("07", "all-point")
Table = tuple[list[str], list[list[str]]]
"""Header and rows of a table."""


@dataclass(frozen=True)
class DetectionScores:
    """How well one detector's boxes agree with annotations.

    Attributes:
        precision: average precision by rule, ``07`` and ``all-point``.
        free_response: the FROC curve, labels together.
        free_response_by_label: the curve of each label.
        iou_threshold: overlap of a hit on the FROC curve.
        notes: what must be known to read the scores.
    """

    precision: Mapping[str, AveragePrecision]
    free_response: FreeResponse
    free_response_by_label: Mapping[str, FreeResponse]
    iou_threshold: float
    notes: tuple[str, ...] = field(default=())


def evaluate_folders(
    predictions: str | Path, labels: str | Path, *, iou_threshold: float = 0.5, skip_missing: bool = False
) -> DetectionScores:
    """Score what ``mambamed detect`` wrote against annotations of the same names.

    Args:
        predictions: see ``read_found_folder``.
        labels: see ``read_annotated_folder``.
        iou_threshold: a hit on the FROC curve overlaps by more than this.
        skip_missing: leave out annotated images without predictions; they are refused otherwise.

    Raises:
        BadRequestError: nothing can be read, images lack predictions or annotations, or no names agree.
    """
    found, objects = read_found_folder(predictions), read_annotated_folder(labels)
    notes = []
    slices_without = [name for name in found if name not in objects and "/" in name and _has_slices(name, objects)]
    for name in slices_without:  # the annotator left no file for a slice without objects
        objects[name] = []
    if unknown := sorted(set(found) - set(objects)):
        raise BadRequestError(
            f"{len(unknown)} images of {predictions} have no annotations in {labels} (the first is {unknown[0]}; "
            f"annotated are {', '.join(sorted(objects)[:3])}, ...); give one file each, empty where nothing is."
        )
    if missing := sorted(set(objects) - set(found)):
        if not skip_missing:
            raise BadRequestError(
                f"{len(missing)} annotated images have no predictions in {predictions} (the first is {missing[0]}); "
                "run them, or leave them out with --skip-missing."
            )
        notes.append(f"{len(missing)} annotated images have no predictions and are left out.")
        objects = {name: items for name, items in objects.items() if name in found}
    if slices_without:
        notes.append(f"{len(slices_without)} slices have no file of annotations and count as slices without objects.")
    return score_boxes(objects, found, iou_threshold=iou_threshold, notes=tuple(notes))


def score_boxes(
    objects: Mapping[str, Sequence[AnnotatedObject]],
    found: Mapping[str, Sequence[OrientedBox]],
    *,
    iou_threshold: float = 0.5,
    notes: tuple[str, ...] = (),
) -> DetectionScores:
    """Score boxes against annotations, both by image."""
    names = sorted({item.box.label for items in objects.values() for item in items})
    if not names:
        raise BadRequestError("The annotations hold no object; give images with objects to find.")
    others = sorted({box.label for boxes in found.values() for box in boxes} - set(names))
    if others:
        notes = (*notes, f"Boxes of {', '.join(others)} were found, which no annotation has: false on the FROC curve.")
    by_label = {
        name: evaluate_free_response(
            {image: [item for item in items if item.box.label == name] for image, items in objects.items()},
            {image: [box for box in boxes if box.label == name] for image, boxes in found.items()},
            iou_threshold=iou_threshold,
        )
        for name in names
    }
    return DetectionScores(
        {rule: evaluate_average_precision(objects, found, rule=rule) for rule in RULES},
        evaluate_free_response(objects, found, iou_threshold=iou_threshold),
        by_label,
        iou_threshold,
        notes,
    )


def method_table(methods: Mapping[str, DetectionScores]) -> Table:
    """Return a row per detector: AP50, AP75 and mAP (0.5 to 0.95) by both rules, mean sensitivity, in percent."""
    header = ["Methods", *[f"{name} ({rule})" for rule in RULES for name in ("AP50", "AP75", "mAP")], "FROC", "Images"]
    rows = []
    for name, scores in methods.items():
        values = [v for rule in RULES for v in _three(scores.precision[rule])]
        rows.append(
            [
                name,
                *[_percent(value) for value in values],
                _percent(scores.free_response.mean_sensitivity),
                str(scores.free_response.image_count),
            ]
        )
    return header, rows


def label_table(methods: Mapping[str, DetectionScores]) -> Table:
    """Return a row per label and detector: objects, AP50 and AP75 by both rules, sensitivities."""
    rates = [f"at {rate:g} false" for rate in FALSE_PER_IMAGE]
    header = ["Methods", "Labels", "Objects", *[f"{n} ({rule})" for rule in RULES for n in ("AP50", "AP75")], *rates]
    rows = []
    for method, scores in methods.items():
        for name, curve in scores.free_response_by_label.items():
            precision = [scores.precision[rule].by_label[name] for rule in RULES]
            values = [row[IOU_THRESHOLDS.index(iou)] for row in precision for iou in (0.5, 0.75)]
            values += [curve.sensitivity_at(rate) for rate in FALSE_PER_IMAGE]
            rows.append([method, name, str(curve.object_count), *[_percent(value) for value in values]])
        curve = scores.free_response
        values = [value for rule in RULES for value in _three(scores.precision[rule])[:2]]
        values += [curve.sensitivity_at(rate) for rate in FALSE_PER_IMAGE]
        rows.append([method, "All", str(curve.object_count), *[_percent(value) for value in values]])
    return header, rows


def scores_json(methods: Mapping[str, DetectionScores]) -> dict[str, Any]:
    """Return everything, the FROC curves' points included; undefined scores are null."""
    return {name: _json(scores) for name, scores in methods.items()}


def scores_csv(methods: Mapping[str, DetectionScores]) -> str:
    """Return the average precision of every label, overlap and rule as CSV; undefined ones are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "label", "objects", "rule", "iou", "average_precision"])
    for name, scores in methods.items():
        for rule, precision in scores.precision.items():
            for label, values in precision.by_label.items():
                for iou, value in zip(IOU_THRESHOLDS, values, strict=True):
                    shown = "" if math.isnan(value) else f"{value:.6f}"
                    writer.writerow([name, label, precision.object_count[label], rule, iou, shown])
    return text.getvalue()


def _json(scores: DetectionScores) -> dict[str, Any]:
    return {
        "average_precision": {
            rule: {
                "ap50": _or_null(precision.ap50),
                "ap75": _or_null(precision.ap75),
                "map": _or_null(precision.mean),
                "iou": list(IOU_THRESHOLDS),
                "by_label": {label: [_or_null(v) for v in values] for label, values in precision.by_label.items()},
            }
            for rule, precision in scores.precision.items()
        },
        "objects": dict(scores.precision["07"].object_count),
        "free_response": {
            "iou": scores.iou_threshold,
            "all": _curve(scores.free_response),
            "by_label": {label: _curve(curve) for label, curve in scores.free_response_by_label.items()},
        },
        "notes": list(scores.notes),
    }


def _curve(curve: FreeResponse) -> dict[str, Any]:
    return {
        "images": curve.image_count,
        "objects": curve.object_count,
        "mean_sensitivity": _or_null(curve.mean_sensitivity),
        "sensitivity_at": {f"{rate:g}": _or_null(curve.sensitivity_at(rate)) for rate in FALSE_PER_IMAGE},
        "scores": list(curve.scores),
        "sensitivity": [_or_null(value) for value in curve.sensitivity],
        "false_per_image": list(curve.false_per_image),
    }


def _has_slices(name: str, objects: Mapping[str, Any]) -> bool:
    volume = name.rpartition("/")[0]
    return any(other.startswith(f"{volume}/") for other in objects)


def _three(precision: AveragePrecision) -> tuple[float, float, float]:
    return precision.ap50, precision.ap75, precision.mean


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value
