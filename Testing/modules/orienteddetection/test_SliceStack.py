"""OrientedDetectionLib.SliceStack: the host counts slices as the engine does, and knows which one a view shows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from OrientedDetectionLib.SliceStack import sliceOfView
from OrientedDetectionLib.SliceStack import stackOf
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

SIZE = (4, 5, 6)
SPACING = (0.8, 1.3, 2.5)


def _turned(order, flips, angle_deg):
    """Return an IJK to RAS matrix with permuted, flipped and slightly turned axes."""
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ tilt @ (np.eye(3)[:, order] * flips) @ np.diag(SPACING)
    matrix[:3, 3] = (7.0, -3.0, 11.0)
    return matrix


def _image(geometry):
    image = sitk.Image(*geometry.size, sitk.sitkUInt8)
    matrix = geometry.ijkToLps
    image.SetSpacing(geometry.spacingMm)
    image.SetOrigin(matrix[:3, 3])
    image.SetDirection((matrix[:3, :3] / np.array(geometry.spacingMm)).ravel())
    return image


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, -1)])
@pytest.mark.parametrize("sliceAxis", ["axial", "coronal", "sagittal", "stored"])
def test_the_host_cuts_as_the_engine_does(order, flips, sliceAxis):
    from mambamed.detection.slice_views import view_slices

    geometry = VolumeGeometry.fromMatrix(SIZE, _turned(order, flips, 14.0))
    views = view_slices(_image(geometry), sliceAxis)
    stack = stackOf(geometry, sliceAxis)
    assert (stack.plane, stack.axis, stack.count) == (views.plane, views.slice_axis, len(views.slices))


def test_one_slice_is_cut_along_its_axis():
    from mambamed.detection.slice_views import view_slices

    geometry = VolumeGeometry.fromMatrix((4, 1, 6), _turned((0, 1, 2), (1, 1, 1), 0.0))
    views = view_slices(_image(geometry), "axial")
    stack = stackOf(geometry, "axial")
    assert (stack.plane, stack.axis, stack.count) == (views.plane, views.slice_axis, 1) == ("coronal", 1, 1)


class _View:
    """What is asked of a vtkMRMLSliceNode."""

    def __init__(self, matrix):
        self._matrix = VolumeGeometry.fromMatrix((1, 1, 1), matrix).asVtkMatrix()

    def GetSliceToRAS(self):
        return self._matrix

    def GetName(self):
        return "Red"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_slice_of_a_view_is_that_of_the_volume(order):
    geometry = VolumeGeometry.fromMatrix(SIZE, _turned(order, (1, -1, 1), 10.0))
    for axis in range(3):
        matrix = np.eye(4)
        others = [other for other in range(3) if other != axis]
        directions = geometry.matrix[:3, :3] / np.array(geometry.spacingMm)
        matrix[:3, :3] = directions[:, [*others, axis]]
        index = np.array([1.2, 2.1, 1.9, 1.0])
        index[axis] = 2.3
        matrix[:3, 3] = (geometry.matrix @ index)[:3]
        plane, number = sliceOfView(geometry, _View(matrix))
        assert number == 2
        assert stackOf(geometry, plane).axis == axis


def test_an_oblique_view_and_one_beside_the_volume_are_refused():
    geometry = VolumeGeometry.fromMatrix(SIZE, np.diag([*SPACING, 1.0]))
    turned = np.eye(4)
    turned[:3, :3] = _turned((0, 1, 2), (1, 1, 1), 20.0)[:3, :3] / np.array(SPACING)
    with pytest.raises(ValueError, match="The Red view is turned by 20 degrees"):
        sliceOfView(geometry, _View(turned))
    above = np.eye(4)
    above[2, 3] = 100.0
    with pytest.raises(ValueError, match="shows no slice of the volume"):
        sliceOfView(geometry, _View(above))
