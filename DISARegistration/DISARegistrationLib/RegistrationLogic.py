"""Registration of volumes of the scene: what the panel, a script and the batch all call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.RunRecordNode import inputNodesOfRecord
from SlicerMambaMedLib.RunRecordNode import recordOfResult
from SlicerMambaMedLib.RunRecordNode import resultNodes
from SlicerMambaMedLib.SceneChange import SceneChange
from SlicerMambaMedLib.SceneJob import SceneJob
from SlicerMambaMedLib.SceneLogic import JobFiles
from SlicerMambaMedLib.SceneLogic import SceneLogic
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from DISARegistrationLib.MovedNodes import Placed
from DISARegistrationLib.MovedNodes import takeBack
from DISARegistrationLib.Placement import resultTransformOver
from DISARegistrationLib.RegistrationNodes import RegistrationNodes
from DISARegistrationLib.RegistrationRequest import RegistrationRequest
from DISARegistrationLib.RegistrationResultImport import RegistrationResultImport
from DISARegistrationLib.RegistrationResultImport import previewTransforms
from DISARegistrationLib.RegistrationTraining import RegistrationTraining
from DISARegistrationLib.VolumeExport import exportInitialTransform
from DISARegistrationLib.VolumeExport import exportLandmarks
from DISARegistrationLib.VolumeExport import exportMask
from DISARegistrationLib.VolumeExport import exportVolume
from DISARegistrationLib.VolumeExport import landmarkPositions

__all__ = ["RegistrationLogic"]


class RegistrationLogic(SceneLogic):
    """Starts registrations and brings their results into the scene; knows no widget.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("DISARegistration")
        nodes = logic.register(mr, ct, preset="head-mr-ct")   # waits, the application stays alive
        request = RegistrationRequest(mr, ct, RegistrationSettings.for_preset("head-mr-ct"))
        job = logic.start(request)   # returns at once
        job.finished.connect(lambda job: print(job.outcome, job.message))

    Args:
        session: engine, runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = "register"
    MODEL_TASK = "registration"
    TRAINING = RegistrationTraining
    DEFAULT_PRESET = "head-mr-ct"
    PREVIEW_STARTS = 60

    def makeModels(self) -> ModelList:
        """Return the list of the learned descriptors and networks, for their cards."""
        return ModelList(self.session.settings, self.MODEL_TASK)

    def inputNodes(self, request: RegistrationRequest) -> list[Any]:
        """Return the volumes, masks, landmarks and the initial transform, as far as they are used."""
        return list(request.inputNodes.values())

    def makeImport(
        self, request: RegistrationRequest, grid: VolumeGeometry, baseName: str = ""
    ) -> RegistrationResultImport:
        """Return what adds the result to the scene and moves what now lies elsewhere."""
        moved = [node for node in (request.moving, request.movingLandmarks) if node is not None]
        return RegistrationResultImport(request, grid, [Placed(node) for node in moved], self.scene)

    def problem(self, request: RegistrationRequest) -> str:
        """Return an empty text when the request can be started, else one sentence that says what is missing."""
        settings = request.settings
        if settings.network is not None:
            try:
                self.models.find(settings.network)
            except Exception as error:
                return _("The deformable network cannot be used: {reason}").format(reason=error)
        if settings.compared_by == "disa":
            try:
                self.models.find(settings.model)
            except Exception as error:
                text = _("The learned descriptors cannot be used: {reason} MIND-SSC needs none.")
                return text.format(reason=error)
        return request.problem()

    def start(self, request: RegistrationRequest) -> SceneJob:
        """Start a registration and return at once.

        Raises:
            ValueError: the request lacks something; the message says what.
        """
        self._refuseProblems(request)
        self.endPreview()
        return super().start(request)

    def register(self, fixed: Any, moving: Any, preset: str = "custom", **choices: Any) -> RegistrationNodes:
        """Register, wait for the result and return its nodes; the application stays alive meanwhile.

        Args:
            fixed: the volume that stays.
            moving: the volume that is moved; it lies under the result's transform afterwards.
            preset: name of a preset, see ``mambamed.registration.presets``.
            **choices: nodes of the request by name (``fixedMask``, ``initialTransform``, ``region``, ...) and the
                engine's settings by name (``method="mind-ssc"``, ``transform="deformable"``, ...).

        Raises:
            ValueError: the request lacks something, or a setting has a value that it cannot have.
            RuntimeError: the job failed or was cancelled; the message says why.
        """
        from mambamed.registration.settings import RegistrationSettings

        names = ("fixedMask", "movingMask", "initialTransform", "region", "fixedLandmarks", "movingLandmarks")
        nodes = {name: choices.pop(name) for name in names if name in choices}
        if nodes.get("initialTransform") is not None:
            choices.setdefault("initial", "transform")
        settings = RegistrationSettings.for_preset(preset, **choices)
        result: RegistrationNodes = self._finish(self.start(RegistrationRequest(fixed, moving, settings, **nodes)))
        return result

    def previewOf(self, request: RegistrationRequest) -> RegistrationRequest:
        """Return the request of a quick look: coarse, rigid, few starts, nothing but the transform."""
        from dataclasses import replace

        settings = request.settings
        quick = settings.replace(
            method=settings.compared_by,
            transform="rigid",
            effort="quick",
            starts=min(settings.starts, self.PREVIEW_STARTS),
            search="local" if settings.search == "none" else settings.search,
            warped=False,
            jacobian=False,
            similarity_map=False,
            displacement=False,
        )
        return replace(request, settings=quick, isPreview=True)

    def endPreview(self) -> None:
        """Take the preview's transform away; the moving volume is where it was."""
        for node in previewTransforms(self.scene):
            takeBack(node, node)
            self.scene.RemoveNode(node)

    def undo(self, transform: Any) -> None:
        """Take a result back: the moved nodes are where they were, and all nodes of the result are removed.

        Raises:
            ValueError: the node is no result of a registration, or its run record was deleted.
        """
        record = recordOfResult(transform)
        if record is None:
            text = _('The run record of "{name}" is gone: remove the nodes of this result in the Data module.')
            raise ValueError(text.format(name=transform.GetName()))
        with SceneChange(self.scene):
            takeBack(record, transform)
            for node in [*resultNodes(record), record]:
                self._remove(node)

    def requestFromRecord(self, recordNode: Any) -> RegistrationRequest:
        """Return the request that repeats a recorded run.

        Raises:
            ValueError: the node holds no record of a registration, or an input is gone.
        """
        record = self._recordOfTask(recordNode)
        from mambamed.registration.settings import RegistrationSettings

        names = [str(item.get("name", "")) for item in record.get("inputs", [])]
        nodes = dict(zip(names, inputNodesOfRecord(recordNode), strict=False))
        settings = RegistrationSettings.from_json(record["settings"])
        return RegistrationRequest(
            nodes["fixed"],
            nodes["moving"],
            settings,
            fixedMask=nodes.get("fixed-mask"),
            movingMask=nodes.get("moving-mask"),
            initialTransform=nodes.get("initial-transform"),
            region=self._regionToRepeat(recordNode, settings),
            fixedLandmarks=nodes.get("fixed-landmarks"),
            movingLandmarks=nodes.get("moving-landmarks"),
            expectedChecksums={
                str(item.get("name", "")): str(item.get("sha256", "")) for item in record.get("inputs", [])
            },
        )

    def _remove(self, node: Any) -> None:
        """Remove a node with its display nodes, which MRML would leave behind."""
        isDisplayable = node.IsA("vtkMRMLDisplayableNode")
        displays = [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())] if isDisplayable else []
        for item in (node, *displays):
            if item is not None and self.scene.IsNodePresent(item):
                self.scene.RemoveNode(item)

    def writeFiles(self, request: RegistrationRequest, folder: Path) -> JobFiles:
        """Write the inputs into the job's folder."""
        inputs = []
        warnings = list(request.warnings())
        grid = None
        for name, node in request.inputNodes.items():
            # What belongs to the moving volume is written where it lies below an earlier result's transform.
            top = resultTransformOver(node) if name.startswith("moving") else None
            path = folder / f"input_{name}.nrrd"
            if name in ("fixed", "moving"):
                exported = exportVolume(node, path, top)
                warnings.extend(exported.warnings)
                grid = grid or exported.geometry
                checksum = exported.sha256
            elif name.endswith("-mask"):
                checksum = exportMask(node, path, top).sha256
            elif name.endswith("-landmarks"):
                path = path.with_suffix(".csv")
                checksum = exportLandmarks(landmarkPositions(node, top), path)
            else:
                path = path.with_suffix(".tfm")
                checksum = exportInitialTransform(node, path)
            inputs.append({"name": name, "path": str(path), "sha256": checksum})
            if checksum != (request.expectedChecksums.get(name) or checksum):
                text = _('"{name}" has changed since the run that is repeated.')
                warnings.append(text.format(name=node.GetName()))
        assert grid is not None  # the fixed volume is among the inputs
        return JobFiles(inputs, grid, request.engineSettings(), warnings)
