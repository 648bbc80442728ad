"""Emphysema analysis of a chest CT of the scene: what the panel, a script and the batch all call."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import slicer
from SlicerMambaMedLib.NodeExport import exportVolume
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.SceneJob import SceneJob
from SlicerMambaMedLib.Session import Session
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from EmphysemaXAILib.DicomSource import dicomSource
from EmphysemaXAILib.EmphysemaNodes import EmphysemaNodes
from EmphysemaXAILib.EmphysemaRequest import EmphysemaRequest
from EmphysemaXAILib.EmphysemaResultImport import EmphysemaResultImport
from EmphysemaXAILib.InputReferences import inputNode
from EmphysemaXAILib.ReportExport import ReportExport
from EmphysemaXAILib.SegmentationExport import exportSegments
from EmphysemaXAILib.SegmentationExport import segmentValues
from EmphysemaXAILib.SeverityModelList import SeverityModelList

__all__ = ["EmphysemaLogic"]

HOST_FILE = "slicer.json"
LUNG_SEGMENTS = 2  # a segmentation with more segments holds lobes


class EmphysemaLogic:
    """Starts analyses and brings their results into the scene; knows no widget.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("EmphysemaXAI")
        nodes = logic.analyze(ct, compute=("density", "patterns"))   # waits, the application stays alive

    Args:
        session: engine, runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = "emphysema"

    def __init__(self, session: Session | None = None, scene: Any = None) -> None:
        self._session = session
        self._scene = scene
        self._models: SeverityModelList | None = None

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
    def models(self) -> SeverityModelList:
        """The severity models that can be chosen."""
        if self._models is None:
            self._models = SeverityModelList(self.session.settings)
        return self._models

    @property
    def reports(self) -> ReportExport:
        """Writes reports of results."""
        return ReportExport(self.session, self.scene)

    def problem(self, request: EmphysemaRequest) -> str:
        """Return an empty text when the request can be started, else one sentence that says what is missing."""
        if "severity" in request.settings.compute:
            if not request.settings.severity_model:
                return _("Choose a severity model, or switch severity and explanations off.")
            try:
                self.models.find(request.settings.severity_model)
            except Exception as error:
                return str(error)
        if "patterns" in request.settings.compute and not self.canFindPatterns(request.settings.pattern_model):
            text = _("The model {name} for local patterns is not installed. Switch patterns off, or install it.")
            return text.format(name=request.settings.pattern_model)
        return request.problem()

    @staticmethod
    def canFindPatterns(model: str) -> bool:
        """Whether a pattern model is there."""
        from mambamed.errors import BadRequestError
        from mambamed.models.catalogue import find_model

        try:
            find_model(model)
        except BadRequestError:
            return False
        return True

    def start(self, request: EmphysemaRequest, detached: bool = False) -> SceneJob:
        """Start an analysis and return at once.

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
            inputs, grid, settings, warnings = self._exportInputs(request, folder)
            self._writeHostFile(folder, request, grid)
            jobRequest = JobRequest(task=self.TASK, inputs=inputs, settings=dict(settings.to_json()))
            runner = self.session.runner
            job = (runner.startDetached if detached else runner.start)(jobRequest, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        job.warnings.extend(warnings)
        importer = EmphysemaResultImport(request, grid, self.scene)
        sceneJob = SceneJob(job, self.session.runner, self.scene, request.nodes, importer)
        self.session.setActive(self.TASK, sceneJob)
        return sceneJob

    def analyze(
        self,
        ct: Any,
        lungs: Any | None = None,
        previous: Any | None = None,
        previousLungs: Any | None = None,
        expert: Any | None = None,
        name: str = "",
        show3D: bool = False,
        **settings: Any,
    ) -> EmphysemaNodes:
        """Analyze a CT and wait for the result; the application stays alive meanwhile.

        Args:
            ct: chest CT.
            lungs: segmentation node of the lungs or lobes.
            previous: earlier CT of the same patient.
            previousLungs: segmentation node of the lungs or lobes in it.
            expert: segmentation node of emphysema drawn by a person.
            name: beginning of the new nodes' names.
            show3D: whether surfaces of the lung regions are made.
            **settings: the engine's settings, for example ``compute=("density", "patterns"), device="cpu"``.

        Raises:
            ValueError: the request lacks something, or a setting has a value that it cannot have.
            RuntimeError: the job failed or was cancelled; the message says why.
        """
        from mambamed.emphysema.settings import EmphysemaSettings

        values = EmphysemaSettings(**settings)
        job = self.start(EmphysemaRequest(ct, values, lungs, previous, previousLungs, expert, name, show3D))
        job.wait()
        if job.outcome != "done":
            raise RuntimeError(job.message)
        return job.nodes

    def attachRunning(self) -> list[SceneJob]:
        """Follow the analyses that an earlier session of Slicer left running; their results come here."""
        from mambamed.emphysema.settings import EmphysemaSettings

        attached = []
        for folder in self.session.runner.unattachedFolders(self.TASK):
            try:
                host = json.loads((folder / HOST_FILE).read_text(encoding="utf-8"))
                grid = VolumeGeometry.fromJson(host["grid"])
                name = str(host["name"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            volume = self._findVolume(host, grid)
            request = EmphysemaRequest(volume, EmphysemaSettings(), name=name, show3D=bool(host.get("show3D")))
            importer = EmphysemaResultImport(request, grid, self.scene)
            job = self.session.runner.attach(folder)
            attached.append(SceneJob(job, self.session.runner, self.scene, request.nodes, importer))
            self.session.setActive(self.TASK, attached[-1])
        return attached

    def requestFromRecord(self, recordNode: Any) -> EmphysemaRequest:
        """Return the request that repeats a recorded run.

        Raises:
            ValueError: the node holds no record of an analysis, or an input is gone.
        """
        record = readRecord(recordNode)
        if record["task"] != self.TASK:
            text = _('The record "{name}" is of another task ({task}).')
            raise ValueError(text.format(name=recordNode.GetName(), task=record["task"]))
        from mambamed.emphysema.settings import EmphysemaSettings

        used = {item["name"]: str(item.get("sha256") or "") for item in record.get("inputs", [])}
        segments = {key: inputNode(recordNode, key) for key in ("lungs", "previous_lungs", "expert")}
        names = {"lungs": "lungs", "lobes": "lungs", "previous_lungs": "previous_lungs"}
        names |= {"previous_lobes": "previous_lungs", "expert": "expert", "ct": "ct", "previous_ct": "previous_ct"}
        gone = [name for name in used if name in names and inputNode(recordNode, names[name]) is None]
        if gone:
            text = _("Inputs of this run are no longer in the scene: {names}. Load them and choose them anew.")
            raise ValueError(text.format(names=", ".join(gone)))
        return EmphysemaRequest(
            ct=inputNode(recordNode, "ct"),
            settings=EmphysemaSettings.from_json({**record["settings"], "lobe_names": None}),
            lungs=segments["lungs"],
            previous=inputNode(recordNode, "previous_ct"),
            previousLungs=segments["previous_lungs"],
            expert=segments["expert"],
            expectedChecksums=tuple((name, value) for name, value in used.items() if value),
        )

    # --- files ---
    def _exportInputs(
        self, request: EmphysemaRequest, folder: Path
    ) -> tuple[list[dict[str, Any]], VolumeGeometry, Any, list[str]]:
        """Write the inputs into the job's folder; return their list, the CT's grid, the settings and warnings."""
        settings = request.settings
        inputs: list[dict[str, Any]] = []
        warnings: list[str] = []
        grids: dict[str, VolumeGeometry] = {}
        for name, node in request.volumes.items():
            exported = exportVolume(node, folder / f"{name}.nrrd")
            inputs.append({"name": name, "path": str(exported.path), "sha256": exported.sha256})
            warnings.extend(exported.warnings)
            grids[name] = exported.geometry
        if request.lungs is not None:
            values = segmentValues(request.lungs)
            isLobes = len(values) > LUNG_SEGMENTS
            if isLobes:
                settings = settings.replace(lobe_names={value: name for name, value in values.items()})
            inputs.append(self._exportLabels(request.lungs, request.ct, grids["ct"], folder, _lungRole("", isLobes)))
        if request.previousLungs is not None and request.previous is not None:
            values = segmentValues(request.previousLungs)
            isLobes = len(values) > LUNG_SEGMENTS
            role = _lungRole("previous_", isLobes)
            # The lobes of both scans are told apart by their names, in whatever order they were drawn.
            known = {name: value for value, name in (settings.lobe_names or {}).items()} if isLobes else {}
            entry = self._exportLabels(
                request.previousLungs, request.previous, grids["previous_ct"], folder, role, known or None
            )
            inputs.append(entry)
        if request.expert is not None:
            inputs.append(self._exportLabels(request.expert, request.ct, grids["ct"], folder, "expert"))
        expected = dict(request.expectedChecksums)
        for entry in inputs:
            if entry["sha256"] != expected.get(entry["name"], entry["sha256"]):
                text = _("The input {name} has changed since the run that is repeated.")
                warnings.append(text.format(name=entry["name"]))
        source = dicomSource(request.ct)
        if source is not None:
            inputs.append(source.asInput())
        return inputs, grids["ct"], settings, warnings

    @staticmethod
    def _exportLabels(
        node: Any, reference: Any, grid: VolumeGeometry, folder: Path, role: str, values: dict[str, int] | None = None
    ) -> dict[str, Any]:
        path = folder / f"{role}.nrrd"
        return {"name": role, "path": str(path), "sha256": exportSegments(node, reference, grid, path, values)}

    def _writeHostFile(self, folder: Path, request: EmphysemaRequest, grid: VolumeGeometry) -> None:
        """Note in the job's folder what another session needs to bring the result into a scene."""
        host = {
            "name": request.name or request.ct.GetName(),
            "nodeId": request.ct.GetID(),
            "nodeName": request.ct.GetName(),
            "grid": grid.toJson(),
            "show3D": request.show3D,
        }
        (folder / HOST_FILE).write_text(json.dumps(host), encoding="utf-8")

    def _findVolume(self, host: dict[str, Any], grid: VolumeGeometry) -> Any | None:
        """Return the volume of this scene that a job of an earlier session was started for, if it is here."""
        node = self.scene.GetNodeByID(str(host.get("nodeId")))
        if node is None or node.GetName() != host.get("nodeName") or not node.IsA("vtkMRMLScalarVolumeNode"):
            return None
        try:
            return node if VolumeGeometry.ofVolumeNode(node).isSameGrid(grid) else None
        except ValueError:
            return None


def _lungRole(prefix: str, isLobes: bool) -> str:
    return prefix + ("lobes" if isLobes else "lungs")
