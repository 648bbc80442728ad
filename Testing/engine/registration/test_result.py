"""Results of a registration: geometry on oblique grids, Jacobian, inverse, landmarks."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.imaging.phantoms import rotation_direction
from mambamed.registration.result import build_result
from mambamed.registration.result import inverse_transform
from mambamed.registration.result import jacobian_image
from mambamed.registration.result import landmark_errors_mm

DIRECTIONS = [
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    rotation_direction((20, -35, 50)),
]


def _grid(direction: tuple[float, ...], size: tuple[int, int, int] = (21, 25, 18)) -> sitk.Image:
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing((1.1, 1.4, 2.0))
    image.SetDirection(direction)
    middle = image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in size])
    image.SetOrigin([-value for value in middle])
    return image


def _smooth_transform(strength_mm: float = 2.0) -> sitk.Transform:
    """A B-spline transform over a box around the origin, so defined in physical space and independent of the grids."""
    box = sitk.Image((60, 60, 60), sitk.sitkUInt8)
    box.SetSpacing((2.0, 2.0, 2.0))
    box.SetOrigin((-59.0, -59.0, -59.0))
    transform = sitk.BSplineTransformInitializer(box, (5, 5, 5))
    generator = np.random.default_rng(0)
    transform.SetParameters((strength_mm * generator.normal(size=len(transform.GetParameters()))).tolist())
    return transform


def _numeric_determinant(transform: sitk.Transform, point: tuple[float, ...], step_mm: float = 1e-3) -> float:
    columns = []
    for unit in np.eye(3):
        ahead = np.array(transform.TransformPoint((np.array(point) + step_mm * unit).tolist()))
        behind = np.array(transform.TransformPoint((np.array(point) - step_mm * unit).tolist()))
        columns.append((ahead - behind) / (2 * step_mm))
    return float(np.linalg.det(np.stack(columns, axis=1)))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_jacobian_is_that_of_physical_space(direction: tuple[float, ...]) -> None:
    grid, transform = _grid(direction), _smooth_transform(4.0)
    image = jacobian_image(transform, grid)
    assert image.GetDirection() == grid.GetDirection()
    indices = [(6, 7, 8), (12, 15, 9), (10, 5, 12)]
    found = [image[index] for index in indices]
    expected = [_numeric_determinant(transform, grid.TransformIndexToPhysicalPoint(index)) for index in indices]
    np.testing.assert_allclose(found, expected, atol=5e-3)
    assert max(abs(value - 1) for value in expected) > 0.05


def test_jacobian_of_a_linear_transform_is_its_determinant_everywhere() -> None:
    affine = sitk.AffineTransform([1.2, 0.1, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0, 1.1], [3.0, 2.0, 1.0])
    values = sitk.GetArrayFromImage(jacobian_image(affine, _grid(DIRECTIONS[2])))
    np.testing.assert_allclose(values, 1.2 * 0.9 * 1.1, rtol=1e-6)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_result_lies_on_the_fixed_grid_and_matches_pointwise(direction: tuple[float, ...]) -> None:
    fixed, moving = _grid(direction), _grid(DIRECTIONS[2], (30, 26, 24))
    array = np.random.default_rng(1).normal(size=moving.GetSize()[::-1]).astype(np.float32)
    filled = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(array), 2.0) + 10.0
    filled.CopyInformation(moving)
    transform = _smooth_transform()
    result = build_result(fixed, filled, transform, quality={"similarity": 0.5}, record={"method": "test"})
    for image in (result.warped, result.jacobian):
        assert image.GetSize() == fixed.GetSize()
        np.testing.assert_allclose(image.GetOrigin(), fixed.GetOrigin())
        np.testing.assert_allclose(image.GetDirection(), fixed.GetDirection())
    point = fixed.TransformIndexToPhysicalPoint((10, 12, 9))
    expected = filled.EvaluateAtPhysicalPoint(transform.TransformPoint(point), sitk.sitkLinear)
    assert result.warped[10, 12, 9] == pytest.approx(expected, abs=1e-4)
    assert result.quality["similarity"] == 0.5
    assert result.quality["folded_percent"] == 0.0
    assert result.quality["jacobian"]["minimum"] < 1 < result.quality["jacobian"]["maximum"]
    assert result.record == {"method": "test"}


def test_outside_the_moving_image_is_its_smallest_value() -> None:
    fixed = _grid(DIRECTIONS[0])
    moving = sitk.Cast(fixed, sitk.sitkInt16) - 1000
    result = build_result(fixed, moving, sitk.TranslationTransform(3, (500.0, 0.0, 0.0)))
    assert set(np.unique(sitk.GetArrayFromImage(result.warped))) == {-1000}
    assert result.warped.GetPixelID() == sitk.sitkInt16


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_inverse_undoes_the_transform(direction: tuple[float, ...]) -> None:
    moving, transform = _grid(direction), _smooth_transform()
    inverse = inverse_transform(transform, moving)
    for index in [(8, 9, 7), (12, 15, 10), (10, 12, 6)]:
        point = np.array(moving.TransformIndexToPhysicalPoint(index))
        back = np.array(transform.TransformPoint(inverse.TransformPoint(point.tolist())))
        assert np.linalg.norm(np.subtract(transform.TransformPoint(point.tolist()), point)) > 0.5
        assert np.linalg.norm(back - point) < 0.1
    rigid = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.2, -0.1, 0.3, (4.0, 5.0, 6.0))
    again = inverse_transform(rigid, moving).TransformPoint(rigid.TransformPoint((7.0, 8.0, 9.0)))
    np.testing.assert_allclose(again, (7.0, 8.0, 9.0))


def test_folding_is_counted() -> None:
    grid = _grid(DIRECTIONS[0])
    result = build_result(grid, grid, sitk.ScaleTransform(3, (-1.0, 1.0, 1.0)))
    assert result.quality["folded_percent"] == 100.0


def test_landmark_errors() -> None:
    shift = sitk.TranslationTransform(3, (1.0, 2.0, 2.0))
    errors = landmark_errors_mm(shift, [(0, 0, 0), (5, 5, 5)], [(0, 0, 0), (6, 7, 7)])
    np.testing.assert_allclose(errors, [3.0, 0.0])
    with pytest.raises(BadRequestError, match="pairs"):
        landmark_errors_mm(shift, [(0, 0, 0)], [])
