"""What the detection panel shows, stored in the scene."""

# No postponed annotations here: Slicer's parameter node wrapper reads the annotations as objects.
from typing import Annotated

from slicer import vtkMRMLMarkupsROINode
from slicer import vtkMRMLScalarVolumeNode
from slicer import vtkMRMLTextNode
from slicer.parameterNodeWrapper import Choice
from slicer.parameterNodeWrapper import WithinRange
from slicer.parameterNodeWrapper import parameterNodeWrapper

__all__ = ["DetectionParameterNode"]


@parameterNodeWrapper
class DetectionParameterNode:
    """Choices of the panel; saved and restored with the scene.

    Attributes:
        inputVolume: 2D image (grey or colour) or volume.
        sliceAxis: how a volume is cut: ``axial``, ``coronal``, ``sagittal``, ``stored``.
        slab: which slices: ``all``, ``slab`` (from the first to the last), ``red`` (the one in the Red view).
        firstSlice: first slice of the slab, from 0 along the stored axis that is cut.
        lastSlice: last slice of the slab.
        model: identifier of a bundled model, or path of a model folder or zip file; empty for the first in the list.
        device: computing device, ``auto`` for the best.
        shape: what shows the results: ``roi`` or ``plane``.
        linkSlices: whether boxes of neighbouring slices become one 3D box.
        region: box to which the search is limited.
        labels: kinds of object to keep; empty for all.
        lowestScore: least score of what is kept; 0 for the model's.
        suppressionOverlap: overlap above which the worse of two boxes goes; 0 for the model's.
        minimumSlices: slices on which a linked object must have been found.
        linkGap: slices without a box that a link may pass over.
        pixelSpacingMm: pixel size in which the network sees the image; 0 for the model's.
        flips: whether flipped copies are averaged.
        precision: number format of the convolutions.
        record: run record of the result that is shown.
        leastScore: score below which results are hidden.
        shownLabels: kinds of object that are shown; empty for all.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    sliceAxis: str = "axial"
    slab: str = "all"
    firstSlice: int = 0
    lastSlice: int = 0
    model: str = ""
    device: str = "auto"
    shape: str = "roi"
    linkSlices: bool = True
    region: vtkMRMLMarkupsROINode
    labels: list[str]
    lowestScore: Annotated[float, WithinRange(0.0, 1.0)] = 0.0
    suppressionOverlap: Annotated[float, WithinRange(0.0, 1.0)] = 0.0
    minimumSlices: Annotated[int, WithinRange(1, 99)] = 1
    linkGap: Annotated[int, WithinRange(0, 10)] = 1
    pixelSpacingMm: Annotated[float, WithinRange(0.0, 100.0)] = 0.0
    flips: bool = False
    precision: Annotated[str, Choice(["auto", "float32", "bfloat16", "float16"])] = "float32"
    record: vtkMRMLTextNode
    leastScore: Annotated[float, WithinRange(0.0, 1.0)] = 0.3
    shownLabels: list[str]
