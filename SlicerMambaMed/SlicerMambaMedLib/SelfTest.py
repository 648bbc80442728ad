"""A check of the whole way, from a volume node to a segmentation node, that runs anywhere without data."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["addPhantomHead", "checkSegmentationOfPhantom"]


_ELLIPSOIDS = (  # half axes in mm, intensity
    ((84, 104, 90), 300),
    ((76, 96, 82), 60),
    ((70, 90, 76), 110),
    ((60, 79, 66), 330),
    ((50, 68, 56), 480),
)


def addPhantomHead(scene: Any, name: str = "Phantom head", spacingMm: Any = (3.0, 3.5, 4.0)) -> Any:
    """Add a synthetic head: ellipsoids of skin, skull, fluid, grey and white matter on an anisotropic, turned grid."""
    extentMm = np.array([180.0, 220.0, 190.0])
    size = np.ceil(extentMm / spacingMm).astype(int)
    axes = [(np.arange(count) - (count - 1) / 2) * spacing for count, spacing in zip(size, spacingMm, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    voxels = np.zeros(tuple(size))
    for radiusMm, value in _ELLIPSOIDS:
        inside = (x / radiusMm[0]) ** 2 + (y / radiusMm[1]) ** 2 + (z / radiusMm[2]) ** 2 <= 1
        voxels[inside] = value
    generator = np.random.default_rng(7)
    voxels = np.clip(voxels + generator.normal(0, 12, voxels.shape), 0, None).astype(np.int16)
    angle = np.deg2rad(12.0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    ijkToRas = np.eye(4)
    ijkToRas[:3, :3] = turn @ np.diag(spacingMm)
    ijkToRas[:3, 3] = -ijkToRas[:3, :3] @ ((size - 1) / 2)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(voxels.transpose(2, 1, 0)))
    node.SetIJKToRASMatrix(VolumeGeometry.fromMatrix(size, ijkToRas).asVtkMatrix())
    node.CreateDefaultDisplayNodes()
    return node


def checkSegmentationOfPhantom(test: Any, logic: Any, model: str = "") -> Any:
    """Segment the phantom with a model (the first that is installed) and check the result's place and record.

    Args:
        test: a ``unittest.TestCase``.
        logic: the module's logic.
        model: identifier or path of a model.
    """
    volume = addPhantomHead(slicer.mrmlScene)
    entry = logic.segmentation.models.find(model) if model else logic.segmentation.models.entries()[0]
    nodes = logic.segment(volume, entry.key, device="cpu")
    test.assertEqual(nodes.segmentation.GetSegmentation().GetNumberOfSegments(), len(entry.labelNames))
    reference = nodes.segmentation.GetNodeReference(nodes.segmentation.GetReferenceImageGeometryReferenceRole())
    test.assertIs(reference, volume)
    bounds = np.zeros(6)
    nodes.segmentation.GetBounds(bounds)
    volumeBounds = np.zeros(6)
    volume.GetBounds(volumeBounds)
    test.assertTrue(np.all(bounds[::2] >= volumeBounds[::2] - 1.0))
    test.assertTrue(np.all(bounds[1::2] <= volumeBounds[1::2] + 1.0))
    test.assertEqual(nodes.table.GetNumberOfRows(), len(entry.labelNames))
    test.assertIn('"task": "segment"', nodes.record.GetText())
    return nodes
