"""Train a segmentation network: check the data, plan and preprocess with nnunetv2, train, leave an nnU-Net folder."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter import stop_requested
from mambamed.nn.device import choose_device
from mambamed.segmentation.architectures import ARCHITECTURES
from mambamed.segmentation.architectures import plan_for_architecture
from mambamed.segmentation.dataset_check import require_sound_dataset
from mambamed.segmentation.dataset_import import import_dataset
from mambamed.segmentation.dataset_source import read_dataset_source
from mambamed.segmentation.nnunet_folders import nnunet_folders
from mambamed.segmentation.recipes import RECIPES
from mambamed.segmentation.trainers.control import TrainingControl
from mambamed.segmentation.trainers.controlled import LATEST_CHECKPOINT
from mambamed.segmentation.training_settings import SegmentationTrainingSettings
from mambamed.training.distributed_launch import train_together

__all__ = ["ProgressPart", "train_here", "train_segmentation"]

_WORKER = "mambamed.segmentation.distributed_training"


class ProgressPart:
    """A reporter that maps the progress of one step to its part of the whole job."""

    def __init__(self, reporter: Reporter, start: float, end: float) -> None:
        self._reporter = reporter
        self._start = start
        self._end = end
        self.log = reporter.log
        self.warning = reporter.warning
        self.metric = reporter.metric
        self.check_cancelled = reporter.check_cancelled

    @property
    def stop_requested(self) -> bool:
        """Whether the user wants the training stopped at the next safe point."""
        return stop_requested(self._reporter)

    def progress(self, stage: str, fraction: float) -> None:
        """Report ``fraction`` (0 to 1) of the step."""
        self._reporter.progress(stage, self._start + fraction * (self._end - self._start))


def train_segmentation(
    settings: SegmentationTrainingSettings, work: Path, reporter: Reporter | None = None, resume: bool = False
) -> Path:
    """Train and return the trained folder.

    Args:
        settings: What to train.
        work: Folder for everything that is made: ``preprocessed`` (removable afterwards), ``results``, and ``raw`` if a
            recipe makes the data.
        reporter: Hears progress and may cancel.
        resume: Go on from ``checkpoint_latest.pth`` where an earlier run in ``work`` left one.

    Returns:
        ``work/results/<data set>/<trainer>__<plans>__<configuration>``, an ordinary nnU-Net result folder.

    Raises:
        BadRequestError: The data set has problems (all are listed), or the plan lacks the configuration.
        DeviceUnavailableError: No such device.
        JobCancelledError: The user cancelled; the last checkpoint stays in ``work``.
        MambaMedError: The loss became NaN, or nnunetv2 failed.
    """
    reporter = reporter or NullReporter()
    choose_device(settings.device)  # an absent one is refused before the work
    dataset = _dataset(settings, work, ProgressPart(reporter, 0.0, 0.03), resume)
    with nnunet_folders(dataset.parent, work / "preprocessed", work / "results"):
        plans_name = _prepare(settings, work, dataset, ProgressPart(reporter, 0.03, 0.1), resume)
        training = ProgressPart(reporter, 0.1, 1.0)
        if settings.training_processes * settings.nodes > 1:
            order = {
                "settings": settings.to_json(),
                "dataset": dataset.name,
                "plans": plans_name,
                "resume": resume,
            }
            processes, nodes = settings.training_processes, settings.nodes
            return Path(train_together(_WORKER, order, work, processes, nodes, training)["folder"])
        return train_here(settings, work, dataset.name, plans_name, training, resume)


def train_here(
    settings: SegmentationTrainingSettings, work: Path, dataset: str, plans: str, reporter: Reporter, resume: bool
) -> Path:
    """Train in this process, alone or as one of several, on a data set that is preprocessed in ``work``.

    Returns:
        The trained folder.
    """
    device = choose_device(settings.device)
    with nnunet_folders(work / "raw", work / "preprocessed", work / "results"):
        trainer = _build_trainer(settings, work / "preprocessed" / dataset, plans, device, resume)
        trainer.take_control(_control(settings, reporter))
        latest = _checkpoint_to_resume(Path(trainer.output_folder), settings) if resume else None
        if latest is not None:
            trainer.load_checkpoint(str(latest))
            reporter.log(f"Going on after epoch {trainer.current_epoch}.")
        reporter.log(f"Training {type(trainer).__name__} on {trainer.device} ({settings.precision} precision).")
        trainer.run_training()
    return Path(trainer.output_folder_base)


def _checkpoint_to_resume(folder: Path, settings: SegmentationTrainingSettings) -> Path | None:
    """Return where to go on: the last checkpoint, also that of U-Mamba Enc in mixed precision when float32 is next."""
    mixed = ARCHITECTURES[settings.architecture].trainer
    other = folder.parent.with_name(folder.parent.name.replace(f"{settings.network.trainer}__", f"{mixed}__", 1))
    for place in (folder, other / folder.name):
        if (place / LATEST_CHECKPOINT).is_file():
            return place / LATEST_CHECKPOINT
    return None


def _dataset(settings: SegmentationTrainingSettings, work: Path, reporter: Reporter, resume: bool) -> Path:
    """The checked raw data set; a recipe makes it first."""
    if settings.recipe:
        dataset = work / "raw" / settings.dataset_name
        if not (resume and (dataset / "dataset.json").is_file()):
            RECIPES[settings.recipe].write_dataset(
                dataset, settings.synthetic_cases, settings.seed, reporter, settings.processes
            )
        return dataset
    dataset = Path(settings.dataset).absolute()
    source = read_dataset_source(dataset)
    if source.kind not in ("", "nnunet"):
        dataset = work / "raw" / settings.dataset_name
        if not (resume and (dataset / "dataset.json").is_file()):
            import_dataset(source, dataset, reporter)
    report = require_sound_dataset(dataset, reporter)
    reporter.log(f"{dataset.name}: {len(report.cases)} cases, {report.channels} channel(s), labels {report.labels}.")
    return dataset


def _prepare(
    settings: SegmentationTrainingSettings, work: Path, dataset: Path, reporter: Reporter, resume: bool
) -> str:
    """Plan and preprocess with nnunetv2, and return the name of the plan."""
    network = settings.network
    folder = work / "preprocessed" / dataset.name
    finished = folder / f"prepared_{network.planned_as}_{settings.configuration}"
    if not (resume and finished.is_file()):
        _plan_and_preprocess(settings, folder, reporter)
        finished.touch()
    plans = json.loads((folder / f"{network.planned_as}.json").read_text(encoding="utf-8"))
    if network.plans != network.planned_as:
        adapted = plan_for_architecture(plans, settings.architecture)
        write_json_atomically(folder / f"{network.plans}.json", adapted)
    return network.plans


def _plan_and_preprocess(settings: SegmentationTrainingSettings, folder: Path, reporter: Reporter) -> None:
    """Let nnunetv2 plan the data set and preprocess it for one configuration."""
    plans_name = settings.network.planned_as
    with _told_as_our_error("plan and preprocess the data set"):
        from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints
        from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments
        from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess

        reporter.progress("reading the data set's fingerprint", 0.0)
        extract_fingerprints([settings.dataset_id], num_processes=settings.processes, show_progress_bar=False)
        _leave_if_asked(reporter)
        reporter.progress("planning", 0.3)
        plan_experiments([settings.dataset_id], settings.network.planner)
        plans_file = folder / f"{plans_name}.json"
        plans = json.loads(plans_file.read_text(encoding="utf-8"))
        if settings.recipe:
            plans = RECIPES[settings.recipe].plan_for_training(plans)
            plans_file.write_text(json.dumps(plans, indent=2), encoding="utf-8")
        elif settings.configuration not in plans["configurations"]:
            raise BadRequestError(
                f"The plan of this data set has no configuration {settings.configuration!r}; nnU-Net planned "
                f"{', '.join(sorted(plans['configurations']))}. Choose one of those."
            )
        _leave_if_asked(reporter)
        reporter.progress("preprocessing", 0.4)
        preprocess(
            [settings.dataset_id], plans_name, [settings.configuration], [settings.processes], show_progress_bar=False
        )


def _leave_if_asked(reporter: Reporter) -> None:
    """Leave between two steps of the preparation, which a resume does again."""
    reporter.check_cancelled()
    if stop_requested(reporter):
        raise JobCancelledError("The training was stopped before its first epoch.")


@contextlib.contextmanager
def _told_as_our_error(attempt: str) -> Iterator[None]:
    """Turn nnunetv2's exceptions into one sentence that says what was being done."""
    try:
        yield
    except MambaMedError:
        raise
    except (AssertionError, AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise MambaMedError(f"nnunetv2 could not {attempt}: {error}") from error


def _build_trainer(
    settings: SegmentationTrainingSettings, folder: Path, plans_name: str, device: torch.device, resume: bool
) -> Any:
    plans = json.loads((folder / f"{plans_name}.json").read_text(encoding="utf-8"))
    plans["continue_training"] = resume  # nnunetv2's trainers expect this key and take it out again
    fold: int | str = settings.fold if settings.fold == "all" else int(settings.fold)
    return _trainer_class(settings)(
        plans=plans,
        configuration=settings.configuration,
        fold=fold,
        dataset_json=json.loads((folder / "dataset.json").read_text(encoding="utf-8")),
        device=device,
    )


def _trainer_class(settings: SegmentationTrainingSettings) -> Any:
    """The class that trains the network; its name is written into the checkpoints."""
    if settings.recipe:
        return RECIPES[settings.recipe].trainer_class()
    module = importlib.import_module(f"mambamed.segmentation.trainers.{settings.network.trainer_module}")
    return getattr(module, settings.network.trainer)


def _control(settings: SegmentationTrainingSettings, reporter: Reporter) -> TrainingControl:
    return TrainingControl(
        reporter=reporter,
        epochs=settings.epochs,
        iterations=settings.iterations,
        validation_iterations=settings.validation_iterations,
        learning_rate=settings.network.learning_rate,
        optimizer=settings.network.optimizer,
        weight_decay=settings.network.weight_decay,
        momentum=settings.momentum,
        precision=settings.precision,
        seed=settings.seed,
        time_limit_minutes=settings.time_limit_minutes,
        loader_processes=settings.loader_processes,
    )
