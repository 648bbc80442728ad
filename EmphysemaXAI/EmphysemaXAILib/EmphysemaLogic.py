"""Emphysema analysis of a chest CT of the scene: what the panel, a script and the batch all call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from SlicerMambaMedLib.DetachableLogic import DetachableLogic
from SlicerMambaMedLib.NodeExport import exportVolume
from SlicerMambaMedLib.SceneLogic import JobFiles
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

LUNG_SEGMENTS = 2  # a segmentation with more segments holds lobes


class EmphysemaLogic(DetachableLogic):
    """Starts analyses and brings their results into the scene; knows no widget.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("EmphysemaXAI")
        nodes = logic.analyze(ct, compute=("density", "patterns"))   # waits, the application stays alive

    Args:
        session: engine, runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = "emphysema"

    @property
    def reports(self) -> ReportExport:
        """Writes reports of results."""
        return ReportExport(self.session, self.scene)

    def makeModels(self) -> SeverityModelList:
        """Return the list of the severity models."""
        return SeverityModelList(self.session.settings)

    def inputNodes(self, request: EmphysemaRequest) -> list[Any]:
        """Return the CT and everything else that was chosen."""
        return request.nodes

    def resultName(self, request: EmphysemaRequest) -> str:
        """Return the chosen name, or that of the CT."""
        return str(request.name or request.ct.GetName())

    def makeImport(self, request: EmphysemaRequest, grid: VolumeGeometry, baseName: str = "") -> EmphysemaResultImport:
        """Return what adds the result to the scene."""
        return EmphysemaResultImport(request, grid, self.scene, baseName or self.resultName(request))

    def attachedRequest(self, volume: Any | None, host: dict[str, Any]) -> EmphysemaRequest:
        """Return the request of a job that an earlier session started."""
        from mambamed.emphysema.settings import EmphysemaSettings

        return EmphysemaRequest(volume, EmphysemaSettings(), show3D=bool(host.get("show3D")))

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
        request = EmphysemaRequest(ct, values, lungs, previous, previousLungs, expert, name, show3D)
        nodes: EmphysemaNodes = self._finish(self.start(request))
        return nodes

    def requestFromRecord(self, recordNode: Any) -> EmphysemaRequest:
        """Return the request that repeats a recorded run.

        Raises:
            ValueError: the node holds no record of an analysis, or an input is gone.
        """
        record = self._recordOfTask(recordNode)
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
    def writeFiles(self, request: EmphysemaRequest, folder: Path) -> JobFiles:
        """Write the inputs into the job's folder; the names of lobes go into the settings."""
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
        return JobFiles(inputs, grids["ct"], dict(settings.to_json()), warnings)

    @staticmethod
    def _exportLabels(
        node: Any, reference: Any, grid: VolumeGeometry, folder: Path, role: str, values: dict[str, int] | None = None
    ) -> dict[str, Any]:
        path = folder / f"{role}.nrrd"
        return {"name": role, "path": str(path), "sha256": exportSegments(node, reference, grid, path, values)}


def _lungRole(prefix: str, isLobes: bool) -> str:
    return prefix + ("lobes" if isLobes else "lungs")
