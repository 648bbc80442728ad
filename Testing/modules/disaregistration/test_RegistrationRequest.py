"""What a registration needs before it can start: right, or one clear sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from modules.disaregistration.doubles import OBLIQUE
from modules.disaregistration.doubles import add_volume
from modules.disaregistration.doubles import structure


@pytest.fixture
def request_of_a_pair(slicer_host):
    from DISARegistrationLib.RegistrationRequest import RegistrationRequest
    from mambamed.registration.settings import RegistrationSettings

    fixed = add_volume("MR", structure((9, 8, 7), 1), OBLIQUE)
    moving = add_volume("CT", structure((7, 9, 8), 2), np.diag([2.0, 2.0, 3.0, 1.0]))
    return RegistrationRequest(fixed, moving, RegistrationSettings(method="ncc"))


def _points(name, positions):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    for position in positions:
        node.AddControlPoint(position)
    return node


def test_a_complete_request_has_no_problem(request_of_a_pair):
    assert request_of_a_pair.problem() == ""
    assert list(request_of_a_pair.inputNodes) == ["fixed", "moving"]


@pytest.mark.parametrize(("name", "sentence"), [("fixed", "Choose a fixed volume."), ("moving", "Choose a moving")])
def test_a_missing_volume_is_asked_for(request_of_a_pair, name, sentence):
    assert sentence in replace(request_of_a_pair, **{name: None}).problem()


def test_one_volume_for_both_is_refused(request_of_a_pair):
    assert "same volume" in replace(request_of_a_pair, moving=request_of_a_pair.fixed).problem()


def test_a_constant_volume_is_refused_with_its_value(request_of_a_pair):
    flat = add_volume("flat", np.full((4, 5, 6), -1000, np.int16), np.eye(4))
    problem = replace(request_of_a_pair, moving=flat).problem()
    assert problem == 'Every voxel of the volume "flat" is -1000: there is nothing to align.'


def test_a_series_is_refused_and_colour_is_not(request_of_a_pair):
    series = add_volume("4D", np.random.default_rng(0).random((3, 4, 5, 7)), np.eye(4), "vtkMRMLVectorVolumeNode")
    assert '"4D" is a series with 7 values per voxel' in replace(request_of_a_pair, moving=series).problem()
    colour = add_volume("HE", np.zeros((1, 4, 5, 3), np.uint8), np.eye(4), "vtkMRMLVectorVolumeNode")
    assert replace(request_of_a_pair, moving=colour).problem() == ""


def test_a_volume_without_image_is_refused(request_of_a_pair):
    import slicer

    hollow = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Hollow")
    assert '"Hollow" holds no image' in replace(request_of_a_pair, fixed=hollow).problem()


def test_volumes_that_do_not_overlap_need_another_start(request_of_a_pair):
    far = np.diag([2.0, 2.0, 3.0, 1.0])
    far[:3, 3] = (300.0, 0.0, 0.0)
    moving = add_volume("far", structure((7, 9, 8), 2), far)
    settings = request_of_a_pair.settings
    apart = replace(request_of_a_pair, moving=moving, settings=settings.replace(initial="header"))
    assert "do not overlap" in apart.problem()
    assert replace(apart, settings=settings.replace(initial="centre")).problem() == ""
    wide = settings.replace(initial="header", search="global-wide", translation_range_mm=400.0)
    assert replace(apart, settings=wide).problem() == ""


def test_an_initial_transform_must_be_there_and_linear(request_of_a_pair):
    import slicer

    start = replace(request_of_a_pair, settings=request_of_a_pair.settings.replace(initial="transform"))
    assert "Choose an initial transform" in start.problem()
    grid = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "warp")
    transform = slicer.vtkOrientedGridTransform()
    grid.SetAndObserveTransformFromParent(transform)
    assert '"warp" is not linear' in replace(start, initialTransform=grid).problem()
    linear = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    assert replace(start, initialTransform=linear).problem() == ""
    assert "initial-transform" in replace(start, initialTransform=linear).inputNodes
    unused = replace(request_of_a_pair, initialTransform=linear)
    assert "initial-transform" not in unused.inputNodes


def test_a_region_outside_of_the_fixed_volume_is_refused(request_of_a_pair):
    import slicer

    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    region.SetCenter(500, 0, 0)
    region.SetSize(20, 20, 20)
    assert '"Box" lies outside' in replace(request_of_a_pair, region=region).problem()
    region.SetCenter(0, 0, 0)
    placed = replace(request_of_a_pair, region=region)
    assert placed.problem() == ""
    assert placed.engineSettings()["region_of_interest_lps_mm"] == [-10.0, 10.0, -10.0, 10.0, -10.0, 10.0]


def test_landmarks_that_form_no_pairs_are_left_out_with_a_warning(request_of_a_pair):
    two, three = _points("two", [(0, 0, 0), (1, 1, 1)]), _points("three", [(0, 0, 0), (1, 1, 1), (2, 2, 2)])
    unequal = replace(request_of_a_pair, fixedLandmarks=two, movingLandmarks=three)
    assert unequal.problem() == ""
    assert "2 fixed and 3 moving landmarks" in unequal.warnings()[0]
    assert "fixed-landmarks" not in unequal.inputNodes
    three.RemoveNthControlPoint(0)
    assert unequal.warnings() == []
    assert unequal.inputNodes["moving-landmarks"] is three


def test_a_sheared_fixed_grid_is_refused_and_a_sheared_moving_one_is_not(request_of_a_pair):
    shear = np.eye(4)
    shear[0, 1] = 0.3
    sheared = add_volume("tilted", structure((9, 8, 7)), shear @ OBLIQUE)
    assert '"tilted" is not at right angles' in replace(request_of_a_pair, fixed=sheared).problem()
    assert replace(request_of_a_pair, moving=sheared).problem() == ""
