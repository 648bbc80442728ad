"""Train a severity model: cases, splits by patient, grid search, cross-validation, the last training, its measures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mambamed.emphysema.severity.card import training_card
from mambamed.emphysema.severity.cases import PreparedCase
from mambamed.emphysema.severity.cases import prepare_cases
from mambamed.emphysema.severity.cases import read_cases
from mambamed.emphysema.severity.cases import split_patients
from mambamed.emphysema.severity.learning import fit_network
from mambamed.emphysema.severity.learning import predict
from mambamed.emphysema.severity.metrics import measures
from mambamed.emphysema.severity.metrics import summary_over_folds
from mambamed.emphysema.severity.model import write_severity_model
from mambamed.emphysema.severity.recipe import HELD_OUT_SEED
from mambamed.emphysema.severity.recipe import make_phantom_dataset
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.emphysema.severity.unlike import TrainingLikeness
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter_part import ReporterPart

__all__ = ["train_severity"]

_SHARES = (0.7, 0.15, 0.15)
_FEWEST_PATIENTS_PER_CLASS = 4


def train_severity(
    settings: SeverityTrainingSettings,
    work: Path,
    model_folder: Path,
    reporter: Reporter | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Train and write a severity model.

    Args:
        settings: What, on what, how.
        work: Folder for phantoms, prepared scans and checkpoints; a resumed run finds them there.
        model_folder: New folder of the model.
        reporter: Hears progress and may cancel.
        resume: Go on from checkpoints.

    Returns:
        The report: sizes of the parts, measures of the test part, of folds and of held-out phantoms, the grid's trials.

    Raises:
        BadRequestError: The cases have problems, or are too few.
        JobCancelledError: Cancelled.
        MambaMedError: The loss became NaN.
    """
    reporter = reporter or NullReporter()
    path = Path(settings.cases)
    if settings.recipe:
        path = make_phantom_dataset(work / "phantoms", settings.phantoms, reporter=ReporterPart(reporter, 0.0, 0.2))
    cases = _prepared(path, settings, work / "prepared", ReporterPart(reporter, 0.2, 0.25))
    report: dict[str, Any] = {"cases": len(cases), "classes": list(settings.classes)}
    if settings.grid:
        settings, report["grid"] = _best_of_grid(cases, settings, ReporterPart(reporter, 0.25, 0.4), work / "grid")
    if settings.folds:
        report["cross_validation"] = _cross_validate(cases, settings, ReporterPart(reporter, 0.4, 0.6), work / "folds")
    parts = split_patients([item.case for item in cases], _SHARES, settings.seed)
    train, validation, test = ([cases[index] for index in part] for part in parts)
    report["split"] = {"train": len(train), "validation": len(validation), "test": len(test), "seed": settings.seed}
    network = fit_network(
        train, validation, settings, ReporterPart(reporter, 0.6, 0.95), work / "final", "training", resume=resume
    )
    found, _ = predict(network, test, reporter)
    report["test"] = measures(np.array([item.case.target for item in test]), found, settings.seed)
    likeness = TrainingLikeness.fit(
        predict(network, train, reporter)[1], predict(network, [*validation, *test], reporter)[1]
    )
    if settings.recipe:
        held_out = make_phantom_dataset(
            work / "held-out", settings.held_out_phantoms, HELD_OUT_SEED, ReporterPart(reporter, 0.95, 1.0)
        )
        others = _prepared(held_out, settings, work / "prepared-held-out", ReporterPart(reporter, 1.0, 1.0))
        probabilities, vectors = predict(network, others, reporter)
        report["held_out_phantoms"] = measures(
            np.array([item.case.target for item in others]), probabilities, settings.seed
        )
        report["held_out_phantoms"]["called_unlike"] = float(
            np.mean([likeness.distance(vector) > likeness.limit for vector in vectors])
        )
    report["settings"] = settings.to_json()
    write_severity_model(model_folder, network, likeness, training_card(settings, report))
    (model_folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for name, value in report["test"].items():
        if isinstance(value, float):
            reporter.metric(f"test: {name}", value)
    return report


def _prepared(path: Path, settings: SeverityTrainingSettings, cache: Path, reporter: Reporter) -> list[PreparedCase]:
    cases = read_cases(path, settings.classes)
    for index, name in enumerate(settings.classes):
        patients = {case.patient for case in cases if case.target == index}
        if len(patients) < _FEWEST_PATIENTS_PER_CLASS:
            raise BadRequestError(
                f"There are {len(patients)} patients of class {name}; training, validation and test need at least "
                f"{_FEWEST_PATIENTS_PER_CLASS} of each class."
            )
    return prepare_cases(cases, settings.configuration, cache, reporter)


def _cross_validate(
    cases: list[PreparedCase], settings: SeverityTrainingSettings, reporter: Reporter, work: Path
) -> dict[str, Any]:
    """Train once per fold on the other folds (a sixth of them for validation) and measure the fold."""
    parts = split_patients([item.case for item in cases], (1.0,) * settings.folds, settings.seed)
    folds = []
    for number, part in enumerate(parts):
        rest = [cases[index] for index in sorted(set(range(len(cases))) - set(part.tolist()))]
        inner = split_patients([item.case for item in rest], (5.0, 1.0), settings.seed)
        step = ReporterPart(reporter, number / len(parts), (number + 1) / len(parts))
        train, validation = ([rest[index] for index in chosen] for chosen in inner)
        network = fit_network(train, validation, settings, step, work / f"fold-{number}", f"fold {number + 1}")
        test = [cases[index] for index in part]
        found, _ = predict(network, test, reporter)
        folds.append(measures(np.array([item.case.target for item in test]), found, settings.seed))
        reporter.metric("fold accuracy", folds[-1]["accuracy"], number)
    return {"folds": folds, "summary": summary_over_folds(folds)}


def _best_of_grid(
    cases: list[PreparedCase], settings: SeverityTrainingSettings, reporter: Reporter, work: Path
) -> tuple[SeverityTrainingSettings, list[dict[str, Any]]]:
    """Try every combination (optuna's grid sampler); the lowest validation error in ranked probability wins.

    The test part of the last split is not looked at.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parts = split_patients([item.case for item in cases], _SHARES, settings.seed)
    train, validation = ([cases[index] for index in part] for part in parts[:2])
    targets = np.array([item.case.target for item in validation])
    # The sampler wants plain values; lists (channels, pool) are chosen by their place in the grid.
    places = {name: list(range(len(values))) for name, values in settings.grid.items()}
    count = int(np.prod([len(values) for values in places.values()]))
    trials: list[dict[str, Any]] = []

    def objective(trial: optuna.Trial) -> float:
        chosen = {
            name: settings.grid[name][trial.suggest_categorical(name, options)] for name, options in places.items()
        }
        number = len(trials)
        step = ReporterPart(reporter, number / count, (number + 1) / count)
        tried = settings.replace(**{"epochs": settings.grid_epochs, **chosen})
        network = fit_network(train, validation, tried, step, work / f"trial-{number}", f"grid {number + 1} of {count}")
        found, _ = predict(network, validation, reporter)
        score = _ranked_probability_score(targets, found)
        trials.append({"settings": chosen, "ranked_probability_score": score})
        return score

    study = optuna.create_study(sampler=optuna.samplers.GridSampler(places, seed=settings.seed), direction="minimize")
    study.optimize(objective, n_trials=count)
    best = min(trials, key=lambda trial: trial["ranked_probability_score"])
    reporter.log(f"The best of {count} combinations: {best['settings']}.")
    return settings.replace(**best["settings"]), trials


def _ranked_probability_score(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean squared error of cumulative probabilities (Epstein 1969): a proper score for ordered classes."""
    reached = np.cumsum(probabilities, axis=1)[:, :-1]
    truth = targets[:, None] <= np.arange(probabilities.shape[1] - 1)
    return float(((reached - truth) ** 2).sum(axis=1).mean())
