"""Grids in physical space against SimpleITK."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.imaging.phantoms import rotation_direction
from mambamed.registration.geometry import GridGeometry


def _oblique_image() -> sitk.Image:
    image = sitk.Image(7, 9, 5, sitk.sitkFloat32)
    image.SetSpacing((0.7, 1.1, 2.5))
    image.SetOrigin((-12.0, 30.5, 4.0))
    image.SetDirection(rotation_direction((10, -25, 40)))
    return image


def test_matrices_equal_simpleitk() -> None:
    image = _oblique_image()
    geometry = GridGeometry.of_image(image)
    index = (3, 8, 2)
    expected = image.TransformIndexToPhysicalPoint(index)
    np.testing.assert_allclose((geometry.index_to_physical() @ [*index, 1])[:3], expected)
    np.testing.assert_allclose((geometry.physical_to_index() @ [*expected, 1])[:3], index)
    np.testing.assert_allclose(geometry.centre_mm(), image.TransformContinuousIndexToPhysicalPoint((3, 4, 2)))


def test_strided_grid_keeps_the_first_sample_and_every_stride_th() -> None:
    geometry = GridGeometry.of_image(_oblique_image())
    coarse = geometry.strided(4)
    assert coarse.size == (2, 3, 2)
    fine_point = geometry.index_to_physical() @ [4, 8, 4, 1]
    np.testing.assert_allclose(coarse.index_to_physical() @ [1, 2, 1, 1], fine_point)


def test_isotropic_grid_covers_the_same_extent() -> None:
    geometry = GridGeometry.of_image(_oblique_image())
    cubic = geometry.isotropic(1.0)
    assert cubic.size == (5, 10, 12)
    assert cubic.spacing_mm == (1.0, 1.0, 1.0)
    np.testing.assert_allclose(cubic.centre_mm(), geometry.centre_mm())


def test_a_single_slice_stays_one() -> None:
    geometry = GridGeometry((20, 30, 1), (0.5, 0.5, 8.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    cubic = geometry.isotropic(2.0)
    assert cubic.size == (5, 8, 1)
    assert cubic.spacing_mm == (2.0, 2.0, 8.0)
    assert cubic.origin_mm[2] == pytest.approx(0.0)
