"""Train networks on the same folds, predict the cases that each fold leaves out, and score them side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambamed.imaging.reading import read_image
from mambamed.imaging.writing import write_image
from mambamed.jobs.files import write_text_atomically
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.segmentation.comparison.paired_tests import PairedTest
from mambamed.segmentation.comparison.paired_tests import compare_with_baseline
from mambamed.segmentation.comparison.settings import ComparisonSettings
from mambamed.segmentation.evaluation.evaluate import Evaluation
from mambamed.segmentation.evaluation.evaluate import evaluate_folders
from mambamed.segmentation.model import load_model
from mambamed.segmentation.training import ProgressPart
from mambamed.segmentation.training import train_segmentation
from mambamed.segmentation.training_settings import SegmentationTrainingSettings

__all__ = ["Comparison", "TrainingFacts", "compare_networks"]

_TRAINING_SHARE = 0.9
_PREPROCESSED = "preprocessed"


@dataclass(frozen=True)
class TrainingFacts:
    """What one network is and took, in all folds together."""

    parameters: int
    training_seconds: float
    prediction_seconds: float
    predicted_cases: int


@dataclass(frozen=True)
class Comparison:
    """The result: scores and facts by architecture, and the tests against the first one by metric."""

    settings: ComparisonSettings
    methods: Mapping[str, Evaluation]
    facts: Mapping[str, TrainingFacts]
    tests: Mapping[str, Mapping[str, PairedTest]]


def compare_networks(settings: ComparisonSettings, work: Path, reporter: Reporter | None = None) -> Comparison:
    """Run a comparison; what an earlier run in ``work`` has finished is taken over.

    Args:
        settings: What to compare.
        work: Folder for preprocessed data, trained folders and predictions.
        reporter: Hears progress and may cancel.

    Raises:
        BadRequestError: The data set has problems.
        JobCancelledError: The user cancelled; a second run goes on.
        MambaMedError: A training failed.
    """
    reporter = reporter or NullReporter()
    pairs = [(architecture, fold) for architecture in settings.architectures for fold in settings.folds]
    facts: dict[str, list[dict[str, Any]]] = {name: [] for name in settings.architectures}
    for number, (architecture, fold) in enumerate(pairs):
        part = ProgressPart(
            _Named(reporter, f"{architecture}, fold {fold}: "), number / len(pairs), (number + 1) / len(pairs)
        )
        facts[architecture].append(_train_and_predict(settings.training_of(architecture, fold), work, part))
    methods = {}
    dataset = Path(settings.training_of(*pairs[0]).dataset)
    for architecture in settings.architectures:
        reporter.check_cancelled()
        methods[architecture] = evaluate_folders(
            work / "predictions" / architecture,
            dataset / "labelsTr",
            tolerances_mm=settings.tolerances_mm,
            instances=settings.instances,
            classes_in=("predictions", "labels") if settings.instances else (),
            skip_missing=True,
        )
    metrics = ["f1"] if settings.instances else ["dice", "nsd"]
    baseline = settings.architectures[0]
    tests = {
        metric: compare_with_baseline({name: m.of_cases(metric) for name, m in methods.items()}, baseline)
        for metric in metrics
        if methods[baseline].overall(metric).cases
    }
    summed = {
        name: TrainingFacts(
            found[0]["parameters"],
            sum(item["training_seconds"] for item in found),
            sum(item["prediction_seconds"] for item in found),
            sum(item["predicted_cases"] for item in found),
        )
        for name, found in facts.items()
    }
    return Comparison(settings, methods, summed, tests)


def _train_and_predict(settings: SegmentationTrainingSettings, work: Path, reporter: Reporter) -> dict[str, Any]:
    """Train one network on one fold and predict the fold's validation cases; done before: return the noted facts."""
    noted = work / "facts" / f"{settings.architecture}_fold_{settings.fold}.json"
    if noted.is_file():
        found: dict[str, Any] = json.loads(noted.read_text(encoding="utf-8"))
        return found
    started = time.monotonic()
    trained = train_segmentation(settings, work, ProgressPart(reporter, 0.0, _TRAINING_SHARE), resume=True)
    training_seconds = time.monotonic() - started
    dataset = Path(settings.dataset)
    splits = json.loads((work / _PREPROCESSED / dataset.name / "splits_final.json").read_text(encoding="utf-8"))
    cases = splits[int(settings.fold)]["val"]
    model = load_model(trained, folds=[settings.fold], device=settings.device)
    ending = json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))["file_ending"]
    started = time.monotonic()
    for number, case in enumerate(cases):
        reporter.check_cancelled()
        reporter.progress(f"predicting {case}", _TRAINING_SHARE + (1.0 - _TRAINING_SHARE) * number / len(cases))
        channels = sorted((dataset / "imagesTr").glob(f"{case}_[0-9][0-9][0-9][0-9]{ending}"))
        labelmap = model.predict([read_image(path) for path in channels]).labelmap
        target = work / "predictions" / settings.architecture / f"{case}{ending}"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(labelmap, target, overwrite=True)
    facts = {
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        "training_seconds": round(training_seconds, 1),
        "prediction_seconds": round(time.monotonic() - started, 1),
        "predicted_cases": len(cases),
    }
    noted.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(noted, json.dumps(facts))
    return facts


class _Named:
    """A reporter whose stages begin with the network's name; its metrics are kept apart by the same."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter = reporter
        self._name = name
        self.check_cancelled = reporter.check_cancelled

    def progress(self, stage: str, fraction: float) -> None:
        """Report progress of the network."""
        self._reporter.progress(self._name + stage, fraction)

    def log(self, message: str) -> None:
        """Write to the log."""
        self._reporter.log(self._name + message)

    def warning(self, message: str) -> None:
        """Warn."""
        self._reporter.warning(self._name + message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Report a curve of the network."""
        self._reporter.metric(self._name + name, value, step)
