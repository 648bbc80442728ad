"""What the registration panel shows, stored in the scene."""

# No postponed annotations here: Slicer's parameter node wrapper reads the annotations as objects.
from typing import Annotated
from typing import Union

from slicer import vtkMRMLLabelMapVolumeNode
from slicer import vtkMRMLMarkupsFiducialNode
from slicer import vtkMRMLMarkupsROINode
from slicer import vtkMRMLScalarVolumeNode
from slicer import vtkMRMLSegmentationNode
from slicer import vtkMRMLTextNode
from slicer import vtkMRMLTransformNode
from slicer.parameterNodeWrapper import WithinRange
from slicer.parameterNodeWrapper import parameterNodeWrapper

__all__ = ["RegistrationParameterNode"]


@parameterNodeWrapper
class RegistrationParameterNode:
    """Choices of the panel; saved and restored with the scene.

    Attributes:
        fixedVolume: the volume that stays.
        movingVolume: the volume that is moved.
        preset: name of the preset that was chosen last; empty before the first choice.
        method: similarity, or ``network:<model>``.
        transformModel: ``rigid``, ``affine``, ``probe-pressure``, ``deformable``.
        device: computing device, ``auto`` for the best.
        warped: whether the moving volume is resampled on the fixed volume's grid.
        jacobian: whether the Jacobian comes as a volume.
        similarityMap: whether the local similarity comes as a volume.
        fixedMask: where the fixed volume counts.
        movingMask: where the moving volume counts.
        initial: where the search begins: ``header``, ``centre``, ``transform``.
        initialTransform: transform for ``transform``.
        region: box of the fixed volume that counts.
        search: ``local``, ``global-narrow``, ``global-wide``, ``none``.
        starts: number of starts of a global search.
        rotationRangeDeg: range of the starts' rotation; -1 for that of the search.
        translationRangeMm: range of the starts' translation; -1 for that of the search.
        workingSpacingMm: spacing that both volumes are resampled to; 0 for automatic.
        stride: working voxels between features.
        regularisation: weight of smoothness.
        iterations: of the refinement of a deformable field.
        inverseConsistent: whether both directions are estimated.
        diffeomorphic: whether a field that cannot fold is estimated.
        similarity: what a network's registration compares by: ``disa`` or ``mind-ssc``.
        refine: whether a network's field is improved for the pair.
        fixedLandmarks: points in the fixed volume.
        movingLandmarks: points in the moving volume, in the same order.
        resultTransform: the result that the Results section shows.
        record: the run record chosen for repeating.
    """

    fixedVolume: vtkMRMLScalarVolumeNode
    movingVolume: vtkMRMLScalarVolumeNode
    preset: str = ""
    method: str = "disa"
    transformModel: str = "rigid"
    device: str = "auto"
    warped: bool = False
    jacobian: bool = True
    similarityMap: bool = False
    fixedMask: Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode]  # noqa: UP007 (the wrapper's documented form)
    movingMask: Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode]  # noqa: UP007
    initial: str = "centre"
    initialTransform: vtkMRMLTransformNode
    region: vtkMRMLMarkupsROINode
    search: str = "local"
    starts: Annotated[int, WithinRange(1, 5000)] = 500
    rotationRangeDeg: Annotated[float, WithinRange(-1.0, 180.0)] = -1.0
    translationRangeMm: Annotated[float, WithinRange(-1.0, 500.0)] = -1.0
    workingSpacingMm: Annotated[float, WithinRange(0.0, 20.0)] = 0.0
    stride: int = 4
    regularisation: Annotated[float, WithinRange(0.0, 100.0)] = 1.0
    iterations: Annotated[int, WithinRange(0, 1000)] = 50
    inverseConsistent: bool = False
    diffeomorphic: bool = False
    similarity: str = "mind-ssc"
    refine: bool = False
    fixedLandmarks: vtkMRMLMarkupsFiducialNode
    movingLandmarks: vtkMRMLMarkupsFiducialNode
    resultTransform: vtkMRMLTransformNode
    record: vtkMRMLTextNode
