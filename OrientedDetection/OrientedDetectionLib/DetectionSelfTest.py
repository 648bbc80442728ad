"""A check of the whole way, from a picture to markups, that runs anywhere without a download."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import numpy as np
import slicer
from SlicerMambaMedLib.VolumeFile import readVolumeFile
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from OrientedDetectionLib.DetectionResult import DetectionResult
from OrientedDetectionLib.DetectionSample import SAMPLE_SEED
from OrientedDetectionLib.DetectionSample import SAMPLE_SIZE
from OrientedDetectionLib.DetectionSample import TUTORIAL_PICTURE

__all__ = ["addSamplePicture", "checkDetectionOfSample", "knownCenters"]

LEAST_SCORE = 0.3
NEAR_MM = 2.0


def addSamplePicture(scene: Any) -> Any:
    """Add the tutorial's picture to the scene."""
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(TUTORIAL_PICTURE.name)
    readVolumeFile(Path(url2pathname(urlparse(TUTORIAL_PICTURE.address).path)), node)
    node = scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    return node


def knownCenters(volume: Any) -> dict[str, np.ndarray]:
    """Return where the objects of the tutorial's picture are: label to (N, 3), RAS mm."""
    from mambamed.detection.synthetic.draw import draw_scene
    from mambamed.detection.synthetic.settings import SyntheticSettings

    scene = draw_scene(SyntheticSettings(domain="ct", size=SAMPLE_SIZE, seed=SAMPLE_SEED), "test", 0)
    ijkToRas = VolumeGeometry.ofVolumeNode(volume).matrix
    known: dict[str, list[np.ndarray]] = {}
    for item in scene.objects:
        place = ijkToRas @ np.array([item.box.cx, item.box.cy, 0.0, 1.0])
        known.setdefault(item.box.label, []).append(place[:3])
    return {label: np.array(places) for label, places in known.items()}


def checkDetectionOfSample(test: Any, logic: Any, model: str = "") -> Any:
    """Look for the objects of the tutorial's picture with a model (the first that is installed).

    Args:
        test: a ``unittest.TestCase``.
        logic: ``DetectionLogic``.
        model: identifier or path of a model.
    """
    volume = addSamplePicture(slicer.mrmlScene)
    entries = [logic.models.find(model)] if model else logic.models.entries()
    test.assertTrue(entries, "No detector is installed.")
    entry = entries[0]
    nodes = logic.detect(volume, entry.key, device="cpu", score_threshold=LEAST_SCORE)
    known = knownCenters(volume)
    items = DetectionResult(nodes.record).chosen(LEAST_SCORE)
    found = 0
    for label, centers in known.items():
        places = np.array([item.center for item in items if item.label == label]).reshape(-1, 3)
        distances = np.linalg.norm(centers[:, None] - places[None], axis=2)
        found += int((distances.min(axis=1, initial=np.inf) < NEAR_MM).sum())
    test.assertGreater(found, sum(map(len, known.values())) // 2)
    test.assertEqual(len(nodes.markups), len(DetectionResult(nodes.record).items))
    test.assertIn('"task": "detect"', nodes.record.GetText())
    return nodes
