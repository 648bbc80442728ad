"""Trainings as the panels and scripts call them: start, stop, resume, find again; the same in all modules."""

from __future__ import annotations

import re
import time
import uuid
from abc import ABC
from abc import abstractmethod
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.Session import Session
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingChoices import TrainingChoices
from SlicerMambaMedLib.TrainingJob import TrainingJob
from SlicerMambaMedLib.TrainingRequest import ScenePair
from SlicerMambaMedLib.TrainingRequest import TrainingRequest

__all__ = ["TrainingLogic"]


class TrainingLogic(ABC):
    """Starts, stops, resumes and finds trainings; they run in processes of their own and outlive Slicer.

    Each training has a folder below the one that the user chose: its job directory, with the trained model in
    ``outputs/model``. The folders are remembered between sessions.

    Args:
        models: list in which finished models appear.
        session: runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = ""
    SETTINGS = "Training"
    """First part of the names of what is remembered between sessions."""

    def __init__(self, models: ModelList, session: Session | None = None, scene: Any = None) -> None:
        self.models = models
        self._session = session
        self._scene = scene
        self._jobs: list[TrainingJob] = []

    # --- what a subclass says ---
    @abstractmethod
    def choices(self) -> TrainingChoices:
        """Return what can be chosen, in words and as the engine's settings."""

    @abstractmethod
    def problemsOfCases(self, request: TrainingRequest) -> tuple[list[str], int]:
        """Return one sentence for everything that is wrong with the cases, and how many there are."""

    @abstractmethod
    def problemsOfSettings(self, request: TrainingRequest, count: int) -> list[str]:
        """Return one sentence for everything that is wrong with the settings for so many cases."""

    @abstractmethod
    def describe(self, request: TrainingRequest) -> str:
        """Say in a line what a training without problems will learn from."""

    @abstractmethod
    def engineSettings(self, request: TrainingRequest, folder: Path) -> tuple[dict[str, Any], list[str]]:
        """Return the engine's settings as JSON, and warnings; cases of the scene are written into the folder."""

    def pairs(self) -> list[ScenePair]:
        """Return the cases that the scene has."""
        return []

    # --- the same in all modules ---
    @property
    def session(self) -> Session:
        """Runner and settings."""
        return self._session if self._session is not None else Session.instance()

    @property
    def scene(self) -> Any:
        """The scene of the cases and of the curves."""
        return self._scene if self._scene is not None else slicer.mrmlScene

    def problems(self, request: TrainingRequest) -> list[str]:
        """Return one sentence for everything that stands in the way of this training; empty if it can start."""
        problems = []
        if not request.name.strip():
            problems.append(_("Give the model a name."))
        if not str(request.home) or not request.home.is_absolute():
            problems.append(_("Choose the folder in which the training is kept."))
        ofCases, count = self.problemsOfCases(request)
        return [*problems, *ofCases, *self.problemsOfSettings(request, count)]

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

        folder = request.home / f"{self.plainName(request.name)}-{time.strftime('%Y%m%d-%H%M%S')}"
        if folder.exists():
            folder = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:4]}")
        folder.mkdir(parents=True)
        settings, warnings = self.engineSettings(request, folder)
        job = self._followed(self.session.runner.startDetached(JobRequest(task=self.TASK, settings=settings), folder))
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
        for text in reversed(self.session.settings.textList(self._foldersKey)):
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
        settings.setTextList(self._foldersKey, [*settings.textList(self._foldersKey), str(folder)])

    @property
    def _foldersKey(self) -> str:
        return f"{self.SETTINGS}/Folders"

    @staticmethod
    def plainName(name: str) -> str:
        """Return a name for files: letters and digits."""
        return re.sub(r"[^A-Za-z0-9]+", "", name.title() if " " in name else name) or "Model"
