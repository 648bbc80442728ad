"""What the segmentation panel shows, stored in the scene."""

# No postponed annotations here: Slicer's parameter node wrapper reads the annotations as objects.
from typing import Annotated

from slicer import vtkMRMLMarkupsROINode
from slicer import vtkMRMLScalarVolumeNode
from slicer import vtkMRMLSegmentationNode
from slicer import vtkMRMLTextNode
from slicer.parameterNodeWrapper import Choice
from slicer.parameterNodeWrapper import WithinRange
from slicer.parameterNodeWrapper import parameterNodeWrapper

__all__ = ["SegmentationParameterNode"]


@parameterNodeWrapper
class SegmentationParameterNode:
    """Choices of the panel; saved and restored with the scene.

    Attributes:
        inputVolume: the first (or only) channel; further ones are node references, see ``ChannelSelectors``.
        model: identifier of a bundled model, or path of a model folder or zip file; empty for the first in the list.
        device: computing device, ``auto`` for the best.
        outputSegmentation: segmentation that the result replaces; none for a new one.
        show3D: whether surfaces are made for the 3D views.
        stepSize: distance of neighbouring windows as a fraction of the window.
        mirroring: whether mirrored copies are averaged.
        precision: number format of the convolutions.
        region: box to which the computation is limited.
        labels: names of the labels to keep; empty for all.
        folds: folds of the model to average; empty for all.
        probabilities: whether each label's probability comes as a volume.
        uncertainty: whether the uncertainty comes as a volume.
        resultSegmentation: the segmentation that the Results section shows.
        record: the run record chosen for repeating.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    model: str = ""
    device: str = "auto"
    outputSegmentation: vtkMRMLSegmentationNode
    show3D: bool = False
    stepSize: Annotated[float, WithinRange(0.1, 1.0)] = 0.5
    mirroring: bool = False
    precision: Annotated[str, Choice(["auto", "float32", "bfloat16", "float16"])] = "auto"
    region: vtkMRMLMarkupsROINode
    labels: list[str]
    folds: list[str]
    probabilities: bool = False
    uncertainty: bool = False
    resultSegmentation: vtkMRMLSegmentationNode
    record: vtkMRMLTextNode
