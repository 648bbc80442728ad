"""Segmentation of volumes of the scene: what the panel, a script and the batch all call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from SlicerMambaMedLib.DetachableLogic import DetachableLogic
from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.NodeExport import exportVolume
from SlicerMambaMedLib.RunRecordNode import inputNodesOfRecord
from SlicerMambaMedLib.SceneLogic import JobFiles
from SlicerMambaMedLib.SegmentationNodes import SegmentationNodes
from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest
from SlicerMambaMedLib.SegmentationResultImport import SegmentationResultImport
from SlicerMambaMedLib.SegmentationTraining import SegmentationTraining
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["SegmentationLogic"]


class SegmentationLogic(DetachableLogic):
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
    TRAINING = SegmentationTraining

    def makeModels(self) -> ModelList:
        """Return the list of the segmentation models."""
        return ModelList(self.session.settings)

    def inputNodes(self, request: SegmentationRequest) -> list[Any]:
        """Return the channels."""
        return [node for node in request.inputs if node is not None]

    def resultName(self, request: SegmentationRequest) -> str:
        """Return the name of the first channel."""
        return str(request.inputs[0].GetName())

    def makeImport(
        self, request: SegmentationRequest, grid: VolumeGeometry, baseName: str = ""
    ) -> SegmentationResultImport:
        """Return what adds the result to the scene."""
        return SegmentationResultImport(request, grid, self.scene, baseName)

    def attachedRequest(self, volume: Any | None, host: dict[str, Any]) -> SegmentationRequest:
        """Return the request of a job that an earlier session started."""
        from mambamed.segmentation.settings import SegmentationSettings

        return SegmentationRequest((volume,), SegmentationSettings(), show3D=bool(host.get("show3D")))

    def problem(self, request: SegmentationRequest) -> str:
        """Return an empty text when the request can be started, else one sentence that says what is missing."""
        if not request.settings.model:
            return _("Choose a model.")
        try:
            model = self.models.find(request.settings.model)
        except Exception as error:
            return str(error)
        return request.problem(model.channelNames)

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
        nodes: SegmentationNodes = self._finish(self.start(request))
        return nodes

    def requestFromRecord(self, recordNode: Any) -> SegmentationRequest:
        """Return the request that repeats a recorded run, with a new segmentation as its output.

        Raises:
            ValueError: the node holds no record of a segmentation, or an input is gone.
        """
        record = self._recordOfTask(recordNode)
        from mambamed.segmentation.settings import SegmentationSettings

        settings = SegmentationSettings.from_json(record["settings"])
        return SegmentationRequest(
            inputs=tuple(inputNodesOfRecord(recordNode)),
            settings=settings,
            region=self._regionToRepeat(recordNode, settings),
            expectedChecksums=tuple(str(item.get("sha256", "")) for item in record.get("inputs", [])),
        )

    def estimate(self, request: SegmentationRequest) -> Any:
        """Return the expected memory and time of a request (``mambamed.segmentation.estimate``).

        Raises:
            ValueError: model or input cannot be used.
        """
        from mambamed.segmentation.estimate import estimate_segmentation

        self._refuseProblems(request)
        volume = request.inputs[0]
        transform = volume.GetParentTransformNode()
        isLinear = transform is None or transform.IsTransformToWorldLinear()
        grid = VolumeGeometry.ofVolumeNode(volume, inWorld=bool(isLinear))
        folder = self.models.find(request.settings.model).folder
        return estimate_segmentation(folder, grid.size, grid.spacingMm, request.engineSettings())

    def writeFiles(self, request: SegmentationRequest, folder: Path) -> JobFiles:
        """Write the input volumes into the job's folder, named as the model's channels."""
        channelNames = self.models.find(request.settings.model).channelNames
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
        assert grid is not None  # a request without inputs has a problem
        return JobFiles(inputs, grid, request.engineSettings(), warnings)
