"""The tutorial's picture is what the generator makes, and the module's own self-test passes."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
from extension.cmake_lists import REPOSITORY

MODULE = REPOSITORY / "OrientedDetection" / "OrientedDetection.py"
PICTURE = REPOSITORY / "OrientedDetection" / "Resources" / "Samples" / "SyntheticNodules.nrrd"


def test_the_picture_is_registered_and_loads(slicer_host):
    import SampleData
    from OrientedDetectionLib.DetectionSample import TUTORIAL_PICTURE

    slicer_host.load(MODULE)
    (source,) = [source for source in SampleData.sources if source.sampleName == TUTORIAL_PICTURE.name]
    assert source.checksums == ["SHA256:" + hashlib.sha256(PICTURE.read_bytes()).hexdigest()]
    assert Path(source.thumbnailFileName).is_file()
    volume = SampleData.downloadSample(TUTORIAL_PICTURE.name)
    np.testing.assert_allclose(volume.GetSpacing(), (0.7, 0.7, 1.0))


def test_the_picture_is_what_the_generator_makes():
    import SimpleITK
    from mambamed.detection.synthetic import SyntheticSettings
    from mambamed.detection.synthetic import draw_scene
    from mambamed.detection.synthetic import paint_scene
    from OrientedDetectionLib.DetectionSample import SAMPLE_SEED
    from OrientedDetectionLib.DetectionSample import SAMPLE_SIZE

    scene = draw_scene(SyntheticSettings(domain="ct", size=SAMPLE_SIZE, seed=SAMPLE_SEED), "test", 0)
    found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(PICTURE)))
    np.testing.assert_array_equal(found[0], paint_scene(scene)[..., 0])


def test_the_self_test_passes(slicer_host, tmp_path):
    module = slicer_host.load(MODULE)
    module.logic.detection.session.settings.jobsFolder = tmp_path / "jobs"
    sys.modules[type(module.widget).__module__].OrientedDetectionTest().runTest()
