"""Detection of tiny oriented objects in images of the scene: what the panel, a script and the batch all call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.DetachableLogic import DetachableLogic
from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.NodeExport import exportVolume
from SlicerMambaMedLib.RunRecordNode import inputNodesOfRecord
from SlicerMambaMedLib.RunRecordNode import resultNodes
from SlicerMambaMedLib.SceneLogic import JobFiles
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from OrientedDetectionLib.DetectionFiles import writeCsv
from OrientedDetectionLib.DetectionFiles import writeDotaText
from OrientedDetectionLib.DetectionFiles import writeMarkups
from OrientedDetectionLib.DetectionNodes import DetectionNodes
from OrientedDetectionLib.DetectionRequest import COMPONENTS
from OrientedDetectionLib.DetectionRequest import DetectionRequest
from OrientedDetectionLib.DetectionRequest import isSpacingKnown
from OrientedDetectionLib.DetectionResult import DetectionResult
from OrientedDetectionLib.DetectionResultImport import DETECTIONS_ATTRIBUTE
from OrientedDetectionLib.DetectionResultImport import DetectionResultImport
from OrientedDetectionLib.DetectionTraining import DetectionTraining

__all__ = ["DetectionLogic"]


class DetectionLogic(DetachableLogic):
    """Starts detections and brings their results into the scene; knows no widget.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("OrientedDetection").detection
        nodes = logic.detect(image, logic.models.entries()[0].key)   # waits, the application stays alive
        logic.save(nodes.record, "found.csv", leastScore=0.5)

    Args:
        session: engine, runner and settings; the application's if not given.
        scene: the MRML scene; the application's if not given.
    """

    TASK = "detect"
    MODEL_TASK = "detection"
    TRAINING = DetectionTraining

    def makeModels(self) -> ModelList:
        """Return the list of the detectors."""
        return ModelList(self.session.settings, self.MODEL_TASK)

    def inputNodes(self, request: DetectionRequest) -> list[Any]:
        """Return the image."""
        return [request.volume]

    def resultName(self, request: DetectionRequest) -> str:
        """Return the name of the image."""
        return str(request.volume.GetName())

    def notes(self, request: DetectionRequest) -> dict[str, Any]:
        """Return the form of the results."""
        return {"shape": request.shape}

    def makeImport(self, request: DetectionRequest, grid: VolumeGeometry, baseName: str = "") -> DetectionResultImport:
        """Return what adds the result to the scene."""
        return DetectionResultImport(request, self.scene, baseName)

    def attachedRequest(self, volume: Any | None, host: dict[str, Any]) -> DetectionRequest:
        """Return the request of a job that an earlier session started."""
        from mambamed.detection.settings import DetectionSettings

        shape = "plane" if host.get("shape") == "plane" else "roi"
        return DetectionRequest(volume, DetectionSettings(), shape=shape)

    def problem(self, request: DetectionRequest) -> str:
        """Return an empty text when the request can be started, else one sentence that says what is missing."""
        if not request.settings.model:
            return _("Choose a model.")
        try:
            self.models.find(request.settings.model)
        except Exception as error:
            return str(error)
        return request.problem()

    def detect(
        self, volume: Any, model: str, region: Any | None = None, shape: str = "roi", **settings: Any
    ) -> DetectionNodes:
        """Detect and wait for the result; the application stays alive meanwhile.

        Args:
            volume: 2D image or volume.
            model: identifier of a model, or path of a model folder or zip file.
            region: markups ROI node outside of which nothing is kept.
            shape: ``roi`` for boxes, ``plane`` for rectangles.
            **settings: the engine's settings, for example ``slices=(3, 9), device="cpu"``.

        Raises:
            ValueError: the request lacks something, or a setting has a value that it cannot have.
            RuntimeError: the job failed or was cancelled; the message says why.
        """
        from mambamed.detection.settings import DetectionSettings

        request = DetectionRequest(volume, DetectionSettings(model=model, **settings), region, shape)
        nodes: DetectionNodes = self._finish(self.start(request))
        return nodes

    def requestFromRecord(self, recordNode: Any) -> DetectionRequest:
        """Return the request that repeats a recorded run.

        Raises:
            ValueError: the node holds no record of a detection, or the image is gone.
        """
        from mambamed.detection.settings import DetectionSettings

        record = self._recordOfTask(recordNode)
        settings = DetectionSettings.from_json(record["settings"])
        shapes = [node.GetAttribute(DETECTIONS_ATTRIBUTE) for node in resultNodes(recordNode)]
        return DetectionRequest(
            volume=inputNodesOfRecord(recordNode)[0],
            settings=settings,
            region=self._regionToRepeat(recordNode, settings),
            shape=next((shape for shape in shapes if shape), "roi"),
            expectedChecksum=str(record["inputs"][0].get("sha256", "")),
        )

    def save(
        self, recordNode: Any, path: str | Path, leastScore: float = 0.0, labels: Sequence[str] = ()
    ) -> list[Path]:
        """Write what a result holds; the ending says how: ``.txt`` (DOTA), ``.csv``, ``.json`` (markups).

        Args:
            recordNode: run record of the result.
            path: file to write; DOTA text of several slices becomes a file per slice beside it.
            leastScore: of what is written.
            labels: kinds of object that are written; all if none is given.

        Returns:
            The files.

        Raises:
            ValueError: the node holds no result, or the ending is another one.
        """
        path = Path(path)
        result = DetectionResult(recordNode)
        items = result.chosen(leastScore, labels)
        if path.suffix == ".txt":
            return writeDotaText(items, path)
        if path.suffix == ".csv":
            return writeCsv(result, items, path)
        if path.suffix == ".json":
            return writeMarkups(result, items, path)
        text = _("Objects cannot be saved as {name}. Choose a name that ends with .txt, .csv or .mrk.json.")
        raise ValueError(text.format(name=path.name))

    def writeFiles(self, request: DetectionRequest, folder: Path) -> JobFiles:
        """Write the image into the job's folder."""
        exported = exportVolume(request.volume, folder / "image.nrrd", COMPONENTS)
        isKnown = isSpacingKnown(request.volume)
        entry = {"name": "image", "path": str(exported.path), "sha256": exported.sha256, "spacing_is_known": isKnown}
        warnings = list(exported.warnings)
        if not isKnown:
            text = _('The image file of "{name}" says no pixel size: lengths are in pixels.')
            warnings.append(text.format(name=request.volume.GetName()))
        if exported.sha256 != (request.expectedChecksum or exported.sha256):
            text = _('The image "{name}" has changed since the run that is repeated.')
            warnings.append(text.format(name=request.volume.GetName()))
        return JobFiles([entry], exported.geometry, request.engineSettings(), warnings)
