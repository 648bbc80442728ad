"""Score label maps of many cases against references: one row per case and label, then means."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.segmentation.evaluation.case_files import CaseFiles
from mambamed.segmentation.evaluation.case_files import LabelPair
from mambamed.segmentation.evaluation.case_files import find_case_files
from mambamed.segmentation.evaluation.case_files import read_pair
from mambamed.segmentation.evaluation.label_rules import LabelRule
from mambamed.segmentation.evaluation.label_rules import read_label_rules
from mambamed.segmentation.evaluation.masks import score_masks
from mambamed.segmentation.evaluation.matching import match_instances
from mambamed.segmentation.instances import instances_from_classes

__all__ = ["Evaluation", "Scored", "Summary", "evaluate_folders", "evaluate_pair", "summarise"]

INSTANCES = "instances"
"""Name of the only "label" when instances are scored."""
MASK_METRICS = ("dice", "nsd", "hd95_mm", "volume_error_ml", "area_error_mm2", "volume_error_percent")
INSTANCE_METRICS = ("f1", "precision", "recall", "mean_iou")


@dataclass(frozen=True)
class Scored:
    """All scores of one label in one case; undefined ones are NaN."""

    case: str
    label: str
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation (of the sample, n - 1) over the cases in which a score is defined."""

    mean: float
    standard_deviation: float
    cases: int


@dataclass(frozen=True)
class Evaluation:
    """Scores of one set of predictions.

    Attributes:
        rows: One entry per case and label.
        labels: What was scored, in order.
        metrics: Names of the scores.
        notes: What a reader of the numbers must know: grids that differed, cases that were left out.
    """

    rows: tuple[Scored, ...]
    labels: tuple[LabelRule, ...]
    metrics: tuple[str, ...]
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = field(default=())

    def of_label(self, label: str, metric: str) -> dict[str, float]:
        """Return the score of one label by case."""
        return {row.case: row.scores[metric] for row in self.rows if row.label == label}

    def of_cases(self, metric: str) -> dict[str, float]:
        """Return each case's mean over the labels in which the score is defined (NaN if in none)."""
        cases: dict[str, list[float]] = {}
        for row in self.rows:
            cases.setdefault(row.case, []).append(row.scores[metric])
        return {case: _mean(values) for case, values in cases.items()}

    def summary(self, label: str, metric: str) -> Summary:
        """Return mean and spread of a label's score over the cases."""
        return summarise(self.of_label(label, metric).values())

    def overall(self, metric: str) -> Summary:
        """Return mean and spread over the cases of each case's mean over labels, as in the paper's Tables 3 and 4."""
        return summarise(self.of_cases(metric).values())


def evaluate_folders(
    predictions: Path,
    labels: Path,
    *,
    dataset_file: Path | None = None,
    tolerances_mm: Mapping[str, float] | None = None,
    instances: bool = False,
    classes_in: Sequence[str] = (),
    skip_missing: bool = False,
    reporter: Reporter | None = None,
) -> Evaluation:
    """Score all label maps of a folder (or one file) against the references of the same names.

    Args:
        predictions: Folder or file of predictions.
        labels: Folder or file of references.
        dataset_file: nnU-Net's ``dataset.json``; None looks beside and above the references.
        tolerances_mm: Tolerances of the normalised surface distance by label name, ``""`` for all others.
        instances: Score instances (cells), not labels.
        classes_in: With ``instances``: which of ``"predictions"`` and ``"labels"`` hold interior and boundary classes,
            from which instances are made first.
        skip_missing: Leave out references without a prediction; otherwise they are refused.
        reporter: Hears progress and may cancel.

    Raises:
        BadRequestError: Files are missing, are no label maps, or do not overlap in space.
    """
    reporter = reporter or NullReporter()
    cases = find_case_files(predictions, labels)
    missing = tuple(case.name for case in cases if case.prediction is None)
    if missing and not skip_missing:
        raise BadRequestError(
            f"{len(missing)} of {len(cases)} cases have no prediction in {predictions}: {', '.join(missing[:10])}"
            f"{', ...' if len(missing) > 10 else ''}. Predict them, or leave them out with --skip-missing."
        )
    cases = [case for case in cases if case.prediction is not None]
    notes = [f"{len(missing)} cases without a prediction are left out: {', '.join(missing)}."] if missing else []
    if instances:
        rules = [LabelRule(INSTANCES, ())]
    else:
        dataset_file = dataset_file or _dataset_file_near(labels)
        values = () if dataset_file else _values_in(cases, reporter)
        rules = read_label_rules(dataset_file, values, tolerances_mm or {})
        without = [rule.name for rule in rules if rule.tolerance_mm is None]
        if without:
            notes.append(f"NSD needs a tolerance (--tolerance, or in dataset.json); none for: {', '.join(without)}.")
    rows: list[Scored] = []
    for number, case in enumerate(cases):
        reporter.check_cancelled()
        reporter.progress(f"case {case.name}", number / len(cases))
        pair = read_pair(case)
        for note in pair.notes:
            reporter.warning(note)
            notes.append(note)
        rows += evaluate_pair(pair, rules, case.name, instances=instances, classes_in=classes_in)
    metrics = INSTANCE_METRICS if instances else MASK_METRICS
    return Evaluation(tuple(rows), tuple(rules), metrics, tuple(notes), missing)


def evaluate_pair(
    pair: LabelPair,
    rules: Sequence[LabelRule],
    case: str = "",
    *,
    instances: bool = False,
    classes_in: Sequence[str] = (),
) -> list[Scored]:
    """Score one case; see ``evaluate_folders``."""
    if instances:
        prediction, reference = (
            instances_from_classes(array) if name in classes_in else array
            for name, array in (("predictions", pair.prediction), ("labels", pair.reference))
        )
        return [Scored(case, INSTANCES, dataclasses.asdict(match_instances(prediction, reference)))]
    scored = []
    for rule in rules:
        prediction, reference = (np.isin(array, rule.values) for array in (pair.prediction, pair.reference))
        scores = score_masks(prediction, reference, pair.spacing_mm, rule.tolerance_mm)
        scored.append(Scored(case, rule.name, dataclasses.asdict(scores)))
    return scored


def summarise(values: Any) -> Summary:
    """Return mean, standard deviation (0 for one value) and number of the values that are not NaN."""
    defined = [float(value) for value in values if not math.isnan(value)]
    if not defined:
        return Summary(math.nan, math.nan, 0)
    return Summary(float(np.mean(defined)), float(np.std(defined, ddof=1)) if len(defined) > 1 else 0.0, len(defined))


def _mean(values: Sequence[float]) -> float:
    return summarise(values).mean


def _values_in(cases: Sequence[CaseFiles], reporter: Reporter) -> tuple[int, ...]:
    """Return the values that occur in any reference or prediction."""
    values: set[int] = set()
    for number, case in enumerate(cases):
        reporter.check_cancelled()
        reporter.progress("looking for labels", number / len(cases))
        pair = read_pair(case)
        for array in (pair.prediction, pair.reference):
            values |= {int(value) for value in np.unique(array)}
    return tuple(sorted(values))


def _dataset_file_near(labels: Path) -> Path | None:
    """Return ``dataset.json`` beside the references or one folder above (``labelsTr`` of a raw data set)."""
    folder = labels if labels.is_dir() else labels.parent
    for place in (folder, folder.parent):
        if (place / "dataset.json").is_file():
            return place / "dataset.json"
    return None
