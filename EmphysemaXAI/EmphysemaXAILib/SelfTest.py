"""A check of the whole way, from a CT to measures whose answers are known, that runs anywhere without data."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["addPhantomChest", "checkMeasuresOfPhantom", "knownMeasures"]

LUNG_HU = -860.0
LESION_HU = -985.0
_NOISE_HU = 15.0
# centre and half axes in mm: x to the patient's left, y to the back, z to the head
_BODY = ((0, 0, 0), (170, 115, 400))
_LUNGS = (((-78, 5, -10), (58, 82, 120)), ((78, 5, -10), (58, 82, 120)))
_LESIONS = (((-80, -10, 55), 24.0), ((82, 20, 50), 30.0), ((75, 0, -60), 16.0), ((-70, 25, -40), 18.0))
_EXTENT_MM = (380.0, 270.0, 300.0)
_TRACHEA_RADIUS_MM = 9.0
_CARINA_Z_MM = 30.0


def addPhantomChest(
    scene: Any, name: str = "Phantom chest", spacingMm: Any = (4.0, 4.5, 5.0), growth: float = 1.0
) -> Any:
    """Add a synthetic chest CT: body, lungs, trachea, and lesions of known place, on an anisotropic, turned grid.

    Args:
        scene: where the volume goes.
        name: of the node.
        spacingMm: voxel size.
        growth: factor of the lesions' radii, for an earlier or a later scan.
    """
    size = np.ceil(np.array(_EXTENT_MM) / spacingMm).astype(int)
    axes = [(np.arange(count) - (count - 1) / 2) * spacing for count, spacing in zip(size, spacingMm, strict=True)]
    points = np.meshgrid(*axes, indexing="ij")
    voxels = np.full(tuple(size), -1000.0)
    voxels[_inside(points, *_BODY)] = 40.0
    lungs = _inside(points, *_LUNGS[0]) | _inside(points, *_LUNGS[1])
    voxels[lungs] = LUNG_HU
    for center, radius in _LESIONS:
        voxels[_inside(points, center, (growth * radius,) * 3) & lungs] = LESION_HU
    voxels[_airways(points)] = -995.0
    voxels += np.random.default_rng(11).normal(0.0, _NOISE_HU, voxels.shape)
    angle = np.deg2rad(7.0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    ijkToRas = np.eye(4)
    # The axes above run to the left and to the back, as LPS has them.
    ijkToRas[:3, :3] = np.diag((-1.0, -1.0, 1.0)) @ turn @ np.diag(spacingMm)
    ijkToRas[:3, 3] = -ijkToRas[:3, :3] @ ((size - 1) / 2)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    array = np.clip(np.rint(voxels), -1024, 3071).astype(np.int16)
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(array.transpose(2, 1, 0)))
    node.SetIJKToRASMatrix(VolumeGeometry.fromMatrix(size, ijkToRas).asVtkMatrix())
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(-1100, 200)
    return node


def knownMeasures(spacingMm: Any = (4.0, 4.5, 5.0)) -> dict[str, float]:
    """Return the volume of both lungs in litres and the share of lesions in percent, from the drawing itself."""
    size = np.ceil(np.array(_EXTENT_MM) / spacingMm).astype(int)
    axes = [(np.arange(count) - (count - 1) / 2) * spacing for count, spacing in zip(size, spacingMm, strict=True)]
    points = np.meshgrid(*axes, indexing="ij")
    lungs = (_inside(points, *_LUNGS[0]) | _inside(points, *_LUNGS[1])) & ~_airways(points)
    lesions = np.zeros(lungs.shape, bool)
    for center, radius in _LESIONS:
        lesions |= _inside(points, center, (radius,) * 3)
    voxels = float(lungs.sum())
    return {
        "volume_l": voxels * float(np.prod(spacingMm)) / 1e6,
        "lesion_percent": 100.0 * float((lesions & lungs).sum()) / voxels,
    }


def checkMeasuresOfPhantom(test: Any, logic: Any) -> Any:
    """Measure the phantom's density and compare with what was drawn.

    Args:
        test: a ``unittest.TestCase``.
        logic: the module's logic.
    """
    volume = addPhantomChest(slicer.mrmlScene)
    nodes = logic.analyze(volume, compute=("density",), report=False, dicom_outputs=False, device="cpu")
    known = knownMeasures()
    names = [nodes.measures.GetCellText(row, 0) for row in range(nodes.measures.GetNumberOfRows())]
    whole = names.index("whole lung")

    def measured(name: str) -> float:
        return float(slicer.util.arrayFromTableColumn(nodes.measures, name)[whole])

    test.assertAlmostEqual(measured("volume_l"), known["volume_l"], delta=0.06 * known["volume_l"])
    test.assertAlmostEqual(measured("laa950_percent"), known["lesion_percent"], delta=0.6)
    test.assertEqual(nodes.regions.GetSegmentation().GetNumberOfSegments(), 6)
    reference = nodes.regions.GetNodeReference(nodes.regions.GetReferenceImageGeometryReferenceRole())
    test.assertIs(reference, volume)
    test.assertIn('"task": "emphysema"', nodes.record.GetText())
    return nodes


def _inside(points: Any, center: Any, halfAxesMm: Any) -> np.ndarray:
    squares = [((axis - middle) / half) ** 2 for axis, middle, half in zip(points, center, halfAxesMm, strict=True)]
    return np.asarray(sum(squares) <= 1)


def _airways(points: Any) -> np.ndarray:
    """Trachea from the top to the carina, and two main bronchi to the lungs."""
    x, y, z = points
    trachea = (x**2 + (y - 5) ** 2 <= _TRACHEA_RADIUS_MM**2) & (z >= _CARINA_Z_MM)
    along = np.abs(x) / 45.0
    bronchi = (along <= 1) & ((y - 5) ** 2 + (z - (_CARINA_Z_MM - 25.0 * along)) ** 2 <= (_TRACHEA_RADIUS_MM - 2) ** 2)
    return np.asarray(trachea | bronchi)
