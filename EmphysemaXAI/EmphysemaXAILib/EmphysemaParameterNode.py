"""What the emphysema panel shows, stored in the scene."""

# No postponed annotations here: Slicer's parameter node wrapper reads the annotations as objects.
from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode
from slicer import vtkMRMLSegmentationNode
from slicer import vtkMRMLTextNode
from slicer.parameterNodeWrapper import Choice
from slicer.parameterNodeWrapper import WithinRange
from slicer.parameterNodeWrapper import parameterNodeWrapper

__all__ = ["EmphysemaParameterNode"]


@parameterNodeWrapper
class EmphysemaParameterNode:
    """Choices of the panel; saved and restored with the scene.

    Attributes:
        inputVolume: the chest CT.
        lungs: segmentation of the lungs or lobes; none has the lungs found.
        previousVolume: earlier scan of the same patient.
        previousLungs: segmentation of the lungs or lobes in it.
        expert: emphysema drawn by a person, for the checks of the explanations.
        patterns: whether local patterns are computed.
        severity: whether the severity is computed.
        explanations: whether the severity is explained.
        model: severity model: identifier of a bundled one, or path of a folder or zip file.
        methods: explanation methods; empty for all.
        explainedClass: grade that is explained; empty for the most probable one.
        layer: layer for Grad-CAM; empty for the last convolution.
        device: computing device, ``auto`` for the best.
        resultName: beginning of the new nodes' names; empty for the CT's.
        show3D: whether surfaces of the lung regions are made.
        noiseFilter: filter before every measure.
        gaussianSigma: its standard deviation in mm, for the Gaussian one.
        calibration: whether the air in the trachea sets -1000 HU.
        kernel: reconstruction kernel given by hand; empty for what DICOM says.
        sliceThickness: slice thickness in mm given by hand, as text.
        kilovoltPeak: tube voltage in kV given by hand, as text.
        contrast: whether contrast agent was given.
        record: run record of the result that is shown.
        overlay: what is laid over the CT: empty for nothing, else a key of ``EmphysemaOverlay``.
        overlayOpacity: its opacity.
        mapThreshold: share of the brightest colour below which heat maps are transparent.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    lungs: vtkMRMLSegmentationNode
    previousVolume: vtkMRMLScalarVolumeNode
    previousLungs: vtkMRMLSegmentationNode
    expert: vtkMRMLSegmentationNode
    patterns: bool = True
    severity: bool = True
    explanations: bool = True
    model: str = ""
    methods: list[str]
    explainedClass: str = ""
    layer: str = ""
    device: str = "auto"
    resultName: str = ""
    show3D: bool = False
    noiseFilter: Annotated[str, Choice(["off", "median", "gaussian"])] = "off"
    gaussianSigma: Annotated[float, WithinRange(0.1, 10.0)] = 1.0
    calibration: bool = False
    kernel: str = ""
    sliceThickness: str = ""
    kilovoltPeak: str = ""
    contrast: Annotated[str, Choice(["not known", "no", "yes"])] = "not known"
    record: vtkMRMLTextNode
    overlay: str = "low_attenuation"
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    mapThreshold: Annotated[float, WithinRange(0.0, 1.0)] = 0.3
