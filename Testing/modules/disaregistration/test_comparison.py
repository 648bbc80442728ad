"""Checkerboard, landmark errors, words about quality, and the parameters behind the panel's choices."""

from __future__ import annotations

import numpy as np
import pytest
from modules.disaregistration.doubles import OBLIQUE
from modules.disaregistration.doubles import add_volume
from modules.disaregistration.doubles import structure


def _linear(name, shift):
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    matrix = vtk.vtkMatrix4x4()
    for row, value in enumerate(shift):
        matrix.SetElement(row, 3, value)
    node.SetMatrixTransformToParent(matrix)
    return node


def test_a_checkerboard_has_cubes_of_the_size_in_millimetres(slicer_host):
    from DISARegistrationLib.Checkerboard import checkerboard

    first, second = np.zeros((4, 6, 8)), np.ones((4, 6, 8))
    board = checkerboard(first, second, (1.0, 2.0, 10.0), 4.0)
    np.testing.assert_array_equal(board[0, 0], [0, 0, 0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(board[0, :, 0], [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(board[:, 0, 0], [0, 0, 1, 1])  # 0, 10, 20, 30 mm are the cubes 0, 2, 5, 7


def test_resampling_is_that_of_the_slice_views(slicer_host):
    from DISARegistrationLib.Checkerboard import resampledOnto

    voxels = structure((9, 8, 7))
    fixed = add_volume("MR", structure((9, 8, 7), 1), OBLIQUE)
    moving = add_volume("CT", voxels, OBLIQUE)
    np.testing.assert_allclose(resampledOnto(moving, fixed), voxels, rtol=1e-4)
    step = OBLIQUE[:3, 0]  # one voxel along i
    moving.SetAndObserveTransformNodeID(_linear("shift", step).GetID())
    np.testing.assert_allclose(resampledOnto(moving, fixed)[:, :, 1:], voxels[:, :, :-1], rtol=1e-3)


def test_landmark_errors_follow_the_points_and_the_transform(slicer_host):
    import slicer
    from DISARegistrationLib.LandmarkErrors import landmarkErrors

    fixed = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "F")
    moving = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "M")
    fixed.AddControlPoint((0.0, 0.0, 0.0), "left")
    moving.AddControlPoint((-3.0, -4.0, 0.0))
    result = _linear("result", (3.0, 4.0, 1.0))  # to the parent: moving -> fixed
    result.SetAttribute("MambaMed.RegistrationTransform", "result")
    (error,) = landmarkErrors(fixed, moving, result)
    assert (error.name, error.beforeMm) == ("left", pytest.approx(5.0))
    assert error.afterMm == pytest.approx(1.0)
    moving.SetAndObserveTransformNodeID(result.GetID())  # the points move with their volume: the error is the same
    assert landmarkErrors(fixed, moving, result)[0].afterMm == pytest.approx(1.0)
    assert landmarkErrors(fixed, moving, None)[0].afterMm is None
    assert landmarkErrors(fixed, None, result) == []


def test_quality_is_told_in_words(slicer_host):
    from DISARegistrationLib.RegistrationQuality import qualityRows
    from DISARegistrationLib.RegistrationQuality import reliability

    quality = {
        "similarity": {"before": 0.11, "after": 0.58, "name": "disa"},
        "restart_spread": {"starts": 500, "agreeing": 212, "agreement_mm": 5.0, "spread_mm": 0.8, "spread_deg": 0.6},
        "folded_percent": 0.0,
        "jacobian": {"minimum": 0.7, "maximum": 1.3, "mean": 1.0},
        "landmarks": {"before_mean_mm": 8.1, "after_mean_mm": 1.2},
        "overlap_percent": {"before": 81.0, "after": 97.0},
        "inverse_consistency_mm": {"mean": 0.01, "maximum": 0.2},
    }
    rows = dict(qualityRows(quality))
    assert rows["Similarity (disa)"] == "0.110 → 0.580"
    assert rows["Starts that agree"] == "212 of 500 within 5 mm"
    assert rows["Mean landmark error (mm)"] == "8.10 → 1.20"
    assert "clear optimum" in reliability(quality)
    lonely = {"restart_spread": {**quality["restart_spread"], "agreeing": 2}}
    assert "may be wrong" in reliability(lonely)
    assert qualityRows({}) == []
    assert reliability({}) == ""


class Parameters:
    """What the panel's parameter node holds."""

    def __init__(self):
        from DISARegistrationLib.SettingsOfParameters import fillFromSettings
        from mambamed.registration.settings import RegistrationSettings

        fillFromSettings(self, RegistrationSettings())


def test_every_preset_reaches_the_engine_as_it_is(slicer_host):
    from DISARegistrationLib.SettingsOfParameters import changedFromPreset
    from DISARegistrationLib.SettingsOfParameters import fillFromSettings
    from DISARegistrationLib.SettingsOfParameters import settingsOf
    from mambamed.registration.presets import PRESETS
    from mambamed.registration.settings import RegistrationSettings

    for name in PRESETS:
        parameters = Parameters()
        preset = RegistrationSettings.for_preset(name)
        fillFromSettings(parameters, preset)
        found = settingsOf(parameters)
        expected = {**preset.to_json(), "displacement": False, "jacobian": found.jacobian}
        assert found.to_json() == expected
        assert changedFromPreset(parameters) == []
        assert found.jacobian == (preset.transform in ("deformable", "probe-pressure"))
    parameters.preset = "2d"
    assert "stride" in changedFromPreset(parameters)
