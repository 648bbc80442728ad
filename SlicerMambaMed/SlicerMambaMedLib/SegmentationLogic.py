"""Segmentation of volumes of the scene: what the panel, a script and the batch all call."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.NodeExport import exportVolume
from SlicerMambaMedLib.RunRecordNode import inputNodesOfRecord
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.RunRecordNode import regionNodeOfRecord
from SlicerMambaMedLib.SceneJob import SceneJob
from SlicerMambaMedLib.SegmentationNodes import SegmentationNodes
from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest
from SlicerMambaMedLib.SegmentationResultImport import SegmentationResultImport
from SlicerMambaMedLib.Session import Session
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingLogic import TrainingLogic
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["SegmentationLogic"]

HOST_FILE = "slicer.json"


class SegmentationLogic:
    """Starts segmentations and brings their results into the scene; knows no widget.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("SlicerMambaMed")
        nodes = logic.segment(volume, "brain-tissue-mr")   # waits, the application stays alive
        request = SegmentationRequest((volume,), SegmentationSettings(model="brain-tissue-mr"))
        job = logic.start(request)   # returns at once
        job.finished.connect(lambda job: print(job.outcome, job.message))

    Args:
        session: engine, runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = "segment"

    def __init__(self, session: Session | None = None, scene: Any = None) -> None:
        self._session = session
        self._scene = scene
        self._models: ModelList | None = None
        self._training: TrainingLogic | None = None

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
        """The models that can be chosen."""
        if self._models is None:
            self._models = ModelList(self.session.settings)
        return self._models

    @property
    def training(self) -> TrainingLogic:
        """Training of further models, which appear among the others when they are ready."""
        if self._training is None:
            self._training = TrainingLogic(self.models, self._session, self._scene)
        return self._training

    def problem(self, request: SegmentationRequest) -> str:
        """Return an empty text when the request can be started, else one sentence that says what is missing."""
        if not request.settings.model:
            return _("Choose a model.")
        try:
            model = self.models.find(request.settings.model)
        except Exception as error:
            return str(error)
        return request.problem(model.channelNames)

    def start(self, request: SegmentationRequest, detached: bool = False) -> SceneJob:
        """Start a segmentation and return at once.

        Args:
            request: what shall be done.
            detached: run in a process of its own that goes on when Slicer is closed; ``attachRunning`` of a later
                session finds it again. Otherwise in the warm engine, which ends with Slicer.

        Raises:
            ValueError: the request lacks something; the message says what.
        """
        problem = self.problem(request)
        if problem:
            raise ValueError(problem)
        from mambamed.jobs.request import JobRequest

        folder = self.session.runner.newJobFolder(self.TASK)
        try:
            model = self.models.find(request.settings.model)
            inputs, grid, warnings = self._exportInputs(request, model.channelNames, folder)
            self._writeHostFile(folder, request, grid)
            jobRequest = JobRequest(task=self.TASK, inputs=inputs, settings=request.engineSettings())
            runner = self.session.runner
            job = (runner.startDetached if detached else runner.start)(jobRequest, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        job.warnings.extend(warnings)
        importer = SegmentationResultImport(request, grid, self.scene)
        sceneJob = SceneJob(job, self.session.runner, self.scene, self._nodesThatMatter(request), importer)
        self.session.setActive(self.TASK, sceneJob)
        return sceneJob

    def segment(
        self,
        inputs: Any,
        model: str,
        region: Any | None = None,
        output: Any | None = None,
        show3D: bool = False,
        **settings: Any,
    ) -> SegmentationNodes:
        """Segment and wait for the result; the application stays alive meanwhile.

        Args:
            inputs: a volume node, or one per channel.
            model: identifier of a model, or path of a model folder or zip file.
            region: markups ROI node to which the computation is limited.
            output: segmentation node for the result; a new one if not given.
            show3D: whether surfaces are made for the 3D views.
            **settings: the engine's settings, for example ``device="cpu", step_size=0.75``.

        Raises:
            ValueError: the request lacks something, or a setting has a value that it cannot have.
            RuntimeError: the job failed or was cancelled; the message says why.
        """
        from mambamed.segmentation.settings import SegmentationSettings

        request = SegmentationRequest(
            inputs=tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,),
            settings=SegmentationSettings(model=model, **settings),
            region=region,
            output=output,
            show3D=show3D,
        )
        job = self.start(request)
        job.wait()
        if job.outcome != "done":
            raise RuntimeError(job.message)
        return job.nodes

    def attachRunning(self) -> list[SceneJob]:
        """Follow the segmentations that an earlier session of Slicer left running; their results come here."""
        attached = []
        for folder in self.session.runner.unattachedFolders(self.TASK):
            try:
                host = json.loads((folder / HOST_FILE).read_text(encoding="utf-8"))
                grid = VolumeGeometry.fromJson(host["grid"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            from mambamed.segmentation.settings import SegmentationSettings

            volume = self._findVolume(host, grid)
            request = SegmentationRequest((volume,), SegmentationSettings(), show3D=bool(host.get("show3D")))
            importer = SegmentationResultImport(request, grid, self.scene, baseName=host["name"])
            job = self.session.runner.attach(folder)
            attached.append(SceneJob(job, self.session.runner, self.scene, self._nodesThatMatter(request), importer))
            self.session.setActive(self.TASK, attached[-1])
        return attached

    def requestFromRecord(self, recordNode: Any) -> SegmentationRequest:
        """Return the request that repeats a recorded run, with a new segmentation as its output.

        Raises:
            ValueError: the node holds no record of a segmentation, or an input is gone.
        """
        record = readRecord(recordNode)
        if record["task"] != self.TASK:
            text = _('The record "{name}" is of another task ({task}).')
            raise ValueError(text.format(name=recordNode.GetName(), task=record["task"]))
        from mambamed.segmentation.settings import SegmentationSettings

        settings = SegmentationSettings.from_json(record["settings"])
        region = regionNodeOfRecord(recordNode)
        if settings.region_of_interest_lps_mm is not None and region is None:
            raise ValueError(_("The region (ROI) of this run is no longer in the scene. Draw it anew under Advanced."))
        return SegmentationRequest(
            inputs=tuple(inputNodesOfRecord(recordNode)),
            settings=settings,
            region=region,
            expectedChecksums=tuple(str(item.get("sha256", "")) for item in record.get("inputs", [])),
        )

    def estimate(self, request: SegmentationRequest) -> Any:
        """Return the expected memory and time of a request (``mambamed.segmentation.estimate``).

        Raises:
            ValueError: model or input cannot be used.
        """
        from mambamed.segmentation.estimate import estimate_segmentation

        problem = self.problem(request)
        if problem:
            raise ValueError(problem)
        volume = request.inputs[0]
        transform = volume.GetParentTransformNode()
        isLinear = transform is None or transform.IsTransformToWorldLinear()
        grid = VolumeGeometry.ofVolumeNode(volume, inWorld=bool(isLinear))
        folder = self.models.find(request.settings.model).folder
        return estimate_segmentation(folder, grid.size, grid.spacingMm, request.engineSettings())

    def _exportInputs(
        self, request: SegmentationRequest, channelNames: Sequence[str], folder: Path
    ) -> tuple[list[dict[str, Any]], VolumeGeometry, list[str]]:
        """Write the input volumes into the job's folder; return their list, the first one's grid, and warnings."""
        inputs = []
        warnings: list[str] = []
        grid = None
        for index, node in enumerate(request.inputs):
            exported = exportVolume(node, folder / f"input_{index}.nrrd")
            name = channelNames[index] if index < len(channelNames) else f"channel {index}"
            inputs.append({"name": name, "path": str(exported.path), "sha256": exported.sha256})
            warnings.extend(exported.warnings)
            if exported.sha256 != (request.expectedChecksums[index : index + 1] or (exported.sha256,))[0]:
                text = _('The volume "{name}" has changed since the run that is repeated.')
                warnings.append(text.format(name=node.GetName()))
            grid = grid or exported.geometry
        return inputs, grid, warnings

    def _writeHostFile(self, folder: Path, request: SegmentationRequest, grid: VolumeGeometry) -> None:
        """Note in the job's folder what another session needs to bring the result into a scene."""
        volume = request.inputs[0]
        host = {
            "name": volume.GetName(),
            "nodeId": volume.GetID(),
            "grid": grid.toJson(),
            "show3D": request.show3D,
        }
        (folder / HOST_FILE).write_text(json.dumps(host), encoding="utf-8")

    def _findVolume(self, host: dict[str, Any], grid: VolumeGeometry) -> Any | None:
        """Return the volume of this scene that a job of an earlier session was started for, if it is here."""
        node = self.scene.GetNodeByID(host["nodeId"])
        if node is None or node.GetName() != host["name"] or not node.IsA("vtkMRMLScalarVolumeNode"):
            return None
        try:
            return node if VolumeGeometry.ofVolumeNode(node).isSameGrid(grid) else None
        except ValueError:
            return None

    @staticmethod
    def _nodesThatMatter(request: SegmentationRequest) -> list[Any]:
        return [node for node in request.inputs if node is not None]
