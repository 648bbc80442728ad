"""What the logics of all modules do alike: start a job on nodes of the scene, wait for it, repeat it."""

from __future__ import annotations

import shutil
from abc import ABC
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.RunRecordNode import regionNodeOfRecord
from SlicerMambaMedLib.SceneJob import SceneJob
from SlicerMambaMedLib.Session import Session
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingLogic import TrainingLogic
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["JobFiles", "SceneLogic"]


@dataclass(frozen=True)
class JobFiles:
    """What of the scene was written for a job.

    Attributes:
        inputs: the inputs as a job request lists them: name, path, sha256.
        grid: grid of the main input in the world (RAS), on which the results lie.
        settings: the engine's settings as JSON.
        warnings: what changes how the result must be read.
    """

    inputs: list[dict[str, Any]]
    grid: VolumeGeometry
    settings: dict[str, Any]
    warnings: list[str]


class SceneLogic(ABC):
    """Starts jobs of one task and brings their results into the scene; knows no widget.

    Args:
        session: engine, runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = ""
    TRAINING: type[TrainingLogic] | None = None
    """What trains further models for this task, where the module can."""

    def __init__(self, session: Session | None = None, scene: Any = None) -> None:
        self._session = session
        self._scene = scene
        self._models: ModelList | None = None
        self._training: TrainingLogic | None = None

    # --- what a subclass says ---
    @abstractmethod
    def makeModels(self) -> ModelList:
        """Return the list of the models for this task."""

    @abstractmethod
    def problem(self, request: Any) -> str:
        """Return an empty text when the request can be started, else one sentence that says what is missing."""

    @abstractmethod
    def writeFiles(self, request: Any, folder: Path) -> JobFiles:
        """Write the inputs of a request without problems into the job's folder.

        Raises:
            ValueError: an input or a setting cannot be used after all.
        """

    @abstractmethod
    def inputNodes(self, request: Any) -> list[Any]:
        """Return the nodes without which the result would make no sense: the job ends when one is deleted."""

    @abstractmethod
    def makeImport(self, request: Any, grid: VolumeGeometry, baseName: str = "") -> Callable[[Any, SceneJob], Any]:
        """Return what adds the result to the scene, for ``SceneJob``.

        Args:
            request: what was asked.
            grid: grid of the main input in the world.
            baseName: beginning of the new nodes' names; that of the input if empty.
        """

    # --- the same in all modules ---
    @property
    def training(self) -> TrainingLogic:
        """Training of further models, which appear among the others when they are ready."""
        if self._training is None:
            if self.TRAINING is None:
                raise AttributeError(f"{type(self).__name__} trains no models.")
            self._training = self.TRAINING(self.models, self._session, self._scene)
        return self._training

    @property
    def session(self) -> Session:
        """The engine, runner and settings in use."""
        if self._session is None:
            self._session = Session.instance()
        return self._session

    @property
    def scene(self) -> Any:
        """The scene in use."""
        return self._scene if self._scene is not None else slicer.mrmlScene

    @property
    def models(self) -> ModelList:
        """The models for this task."""
        if self._models is None:
            self._models = self.makeModels()
        return self._models

    def start(self, request: Any) -> SceneJob:
        """Start a job in the warm engine and return at once.

        Raises:
            ValueError: the request lacks something; the message says what.
        """
        return self._launch(request, self.session.runner.start)

    def attachRunning(self) -> list[SceneJob]:
        """Return the jobs of an earlier session that go on and are followed from now on: none in the warm engine."""
        return []

    def _launch(
        self,
        request: Any,
        run: Callable[[Any, Path], Any],
        note: Callable[[Path, Any, VolumeGeometry], None] | None = None,
    ) -> SceneJob:
        """Write the files of a job and have it run.

        Args:
            request: what shall be done.
            run: given the job request and the folder, starts the job.
            note: given the folder, the request and the main input's grid, writes what a later session needs.
        """
        self._refuseProblems(request)
        from mambamed.jobs.request import JobRequest

        folder = self.session.runner.newJobFolder(self.TASK)
        try:
            files = self.writeFiles(request, folder)
            if note is not None:
                note(folder, request, files.grid)
            importer = self.makeImport(request, files.grid)
            job = run(JobRequest(task=self.TASK, inputs=files.inputs, settings=files.settings), folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        job.warnings.extend(files.warnings)
        return self._follow(job, request, importer)

    def _refuseProblems(self, request: Any) -> None:
        """Raise ValueError with the sentence that says what the request lacks, if it lacks something."""
        problem = self.problem(request)
        if problem:
            raise ValueError(problem)

    def _follow(self, job: Any, request: Any, importer: Callable[[Any, SceneJob], Any]) -> SceneJob:
        sceneJob = SceneJob(job, self.session.runner, self.scene, self.inputNodes(request), importer)
        self.session.setActive(self.TASK, sceneJob)
        return sceneJob

    def _finish(self, job: SceneJob) -> Any:
        """Wait for a job, the application staying alive, and return its nodes.

        Raises:
            RuntimeError: the job failed or was cancelled; the message says why.
        """
        job.wait()
        if job.outcome != "done":
            raise RuntimeError(job.message)
        return job.nodes

    def _recordOfTask(self, recordNode: Any) -> dict[str, Any]:
        """Return the record that a node holds.

        Raises:
            ValueError: the node holds no record, or one of another task.
        """
        record = readRecord(recordNode)
        if record["task"] != self.TASK:
            text = _('The record "{name}" is of another task ({task}).')
            raise ValueError(text.format(name=recordNode.GetName(), task=record["task"]))
        return record

    @staticmethod
    def _regionToRepeat(recordNode: Any, settings: Any) -> Any | None:
        """Return the region (ROI) node of a recorded run.

        Raises:
            ValueError: the run had one, and it is gone.
        """
        region = regionNodeOfRecord(recordNode)
        if settings.region_of_interest_lps_mm is not None and region is None:
            raise ValueError(_("The region (ROI) of this run is no longer in the scene. Draw it anew under Advanced."))
        return region
