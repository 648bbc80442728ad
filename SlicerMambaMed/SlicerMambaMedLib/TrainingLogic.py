"""Training of segmentation models on cases of the scene or of a folder: what the panel and scripts call."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.Session import Session
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingCases import exportPairs
from SlicerMambaMedLib.TrainingCases import findPairs
from SlicerMambaMedLib.TrainingCases import labelsOfPairs
from SlicerMambaMedLib.TrainingCases import problemsOfPairs
from SlicerMambaMedLib.TrainingJob import TrainingJob
from SlicerMambaMedLib.TrainingRequest import ScenePair
from SlicerMambaMedLib.TrainingRequest import TrainingRequest

__all__ = ["PRESETS", "TrainingLogic"]

PRESETS: dict[str, dict[str, int]] = {
    "quick": {"epochs": 50, "iterations": 50, "validation_iterations": 10},
    "standard": {"epochs": 250, "iterations": 250, "validation_iterations": 50},
    "full": {"epochs": 1000, "iterations": 250, "validation_iterations": 50},
}
"""Lengths to choose from; the last is nnU-Net's own."""
_SMALLEST_CROSS_VALIDATION = 5
_SCENE_DATASET = "Dataset901"


class TrainingLogic:
    """Starts, stops, resumes and finds trainings; they run in processes of their own and outlive Slicer.

    Each training has a folder below the one that the user chose: its job directory, with the trained model in
    ``outputs/model``. The folders are remembered between sessions.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("SlicerMambaMed").training
        request = TrainingRequest("Liver", Path("/data/trainings"), folder="/data/livers", settings={"epochs": 100})
        job = logic.start(request)

    Args:
        models: list in which finished models appear.
        session: runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = "train-segmentation"
    FOLDERS_KEY = "Training/Folders"

    def __init__(self, models: ModelList, session: Session | None = None, scene: Any = None) -> None:
        self.models = models
        self._session = session
        self._scene = scene
        self._jobs: list[TrainingJob] = []

    @property
    def session(self) -> Session:
        """Runner and settings."""
        return self._session if self._session is not None else Session.instance()

    @property
    def scene(self) -> Any:
        """The scene of the cases and of the curves."""
        return self._scene if self._scene is not None else slicer.mrmlScene

    def pairs(self) -> list[ScenePair]:
        """Return the cases that the scene has."""
        return findPairs(self.scene)

    def problems(self, request: TrainingRequest) -> list[str]:
        """Return one sentence for everything that stands in the way of this training; empty if it can start."""
        problems = []
        if not request.name.strip():
            problems.append(_("Give the model a name."))
        if not str(request.home) or not request.home.is_absolute():
            problems.append(_("Choose the folder in which the training is kept."))
        count = len(request.pairs)
        if request.folder:
            from mambamed.segmentation.dataset_source import read_dataset_source

            source = read_dataset_source(Path(request.folder))
            problems += source.problems
            count = len(source.cases)
        else:
            problems += problemsOfPairs(request.pairs)
        try:
            settings = self._settings(request, request.folder or "/")
        except ValueError as error:
            problems.append(str(error))
        else:
            if settings.fold != "all" and 0 < count < _SMALLEST_CROSS_VALIDATION:
                text = _("Cross-validation needs {least} cases or more; there are {count}. Train on all of them.")
                problems.append(text.format(least=_SMALLEST_CROSS_VALIDATION, count=count))
        return problems

    def describe(self, request: TrainingRequest) -> str:
        """Say in a line what a training without problems will learn from."""
        if request.folder:
            from mambamed.segmentation.dataset_source import read_dataset_source

            source = read_dataset_source(Path(request.folder))
            names = [name for name in source.labels if name not in ("background", "ignore")]
            count, channels = len(source.cases), ", ".join(source.channels)
        else:
            names = [label.name for label in labelsOfPairs(request.pairs)]
            count, channels = len(request.pairs), _("image")
        text = _("{count} case(s); channels: {channels}; labels: {labels}.")
        return text.format(count=count, channels=channels, labels=", ".join(names) or _("those in the label maps"))

    def start(self, request: TrainingRequest) -> TrainingJob:
        """Start a training in a process of its own and return it at once.

        Raises:
            ValueError: something stands in its way; the message says everything that does.
            RuntimeError: the engine cannot be started.
        """
        problems = self.problems(request)
        if problems:
            raise ValueError("\n".join(problems))
        from mambamed.jobs.request import JobRequest

        folder = request.home / f"{self._plainName(request.name)}-{time.strftime('%Y%m%d-%H%M%S')}"
        if folder.exists():
            folder = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:4]}")
        folder.mkdir(parents=True)
        cases, warnings = request.folder, []
        if not cases:
            cases = str(folder / "cases" / f"{_SCENE_DATASET}_{self._plainName(request.name)}")
            warnings = exportPairs(request.pairs, Path(cases))
        settings = self._settings(request, cases)
        job = self._followed(
            self.session.runner.startDetached(JobRequest(task=self.TASK, settings=settings.to_json()), folder)
        )
        self._remember(folder)
        for warning in warnings:
            job.warningReceived.emit(warning)
        return job

    def resume(self, folder: Path) -> TrainingJob:
        """Let a training that was stopped or has failed go on from its last checkpoint.

        Raises:
            ValueError: it is running, or done.
        """
        from mambamed.jobs.directory import JobDirectory

        JobDirectory(folder).settle()
        return self._followed(self.session.runner.resumeDetached(folder))

    def attachRunning(self) -> list[TrainingJob]:
        """Follow the trainings that an earlier session of Slicer left running."""
        known = {job.folder for job in self._jobs if not job.isFinished}
        running = [folder for folder, state in self.trainings() if state == "running" and folder not in known]
        return [self._followed(self.session.runner.attach(folder)) for folder in running]

    def trainings(self) -> list[tuple[Path, str]]:
        """Return the folders of known trainings, the newest first, each with its state."""
        from mambamed.jobs.directory import JobDirectory

        found = []
        for text in reversed(self.session.settings.textList(self.FOLDERS_KEY)):
            folder = Path(text)
            if (folder / "request.json").is_file():
                found.append((folder, str(JobDirectory(folder).state().value)))
        return found

    def metrics(self, folder: Path) -> list[tuple[str, float | None, int | None]]:
        """Return all values that a training has measured so far, for its curves."""
        from mambamed.jobs.directory import JobDirectory

        events = (event for event in JobDirectory(folder).events() if event.get("kind") == "metric")
        return [(str(event.get("name", "")), event.get("value"), event.get("step")) for event in events]

    def _followed(self, job: Any) -> TrainingJob:
        training = TrainingJob(job)
        self._jobs.append(training)
        training.finished.connect(self._onFinished)
        self.session.setActive(self.TASK, training)
        return training

    def _onFinished(self, training: TrainingJob) -> None:
        self._jobs = [job for job in self._jobs if job is not training]
        if training.model is not None:
            self.models.add(str(training.model))

    def _remember(self, folder: Path) -> None:
        settings = self.session.settings
        settings.setTextList(self.FOLDERS_KEY, [*settings.textList(self.FOLDERS_KEY), str(folder)])

    @staticmethod
    def _settings(request: TrainingRequest, cases: str) -> Any:
        """Return the engine's settings; BadRequestError, a ValueError, tells what is wrong with them."""
        from mambamed.segmentation.training_settings import SegmentationTrainingSettings

        return SegmentationTrainingSettings.from_json({**(request.settings or {}), "dataset": cases})

    @staticmethod
    def _plainName(name: str) -> str:
        return re.sub(r"[^A-Za-z0-9]+", "", name.title() if " " in name else name) or "Model"
