"""Parametrised transforms against SimpleITK and by their definition."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.registration.transforms import AffineModel
from mambamed.registration.transforms import ProbePressureModel
from mambamed.registration.transforms import RigidModel
from mambamed.registration.transforms import linear_transform
from mambamed.registration.transforms import rotation_matrix
from scipy.spatial.transform import Rotation

CENTRE = (10.0, -20.0, 35.0)
MODELS = [
    RigidModel(CENTRE, 50.0),
    AffineModel(CENTRE, 50.0),
    ProbePressureModel(CENTRE, 50.0, probe_mm=(0.0, 0.0, 0.0), beam=(0.0, 0.6, 0.8), depth_mm=80.0),
]


def _points() -> torch.Tensor:
    return 60.0 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def _apply(model: RigidModel, parameters: torch.Tensor) -> torch.Tensor:
    return torch.einsum("bik,nk->bni", model.matrices(parameters), model.basis(_points()))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_zero_parameters_are_the_identity_and_gradients_are_right(model: RigidModel) -> None:
    zero = torch.zeros(2, model.parameter_count, dtype=torch.float64)
    torch.testing.assert_close(_apply(model, zero)[1], _points())
    parameters = torch.randn(2, model.parameter_count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.autograd.gradcheck(model.matrices, ((5.0 * parameters).requires_grad_(),))
    # The rotation's formula has a limit at zero, for value and gradient.
    assert torch.autograd.gradcheck(model.matrices, (zero.requires_grad_(),), atol=1e-6)


def test_rotation_equals_scipy() -> None:
    vectors = torch.tensor([[0.3, -1.2, 0.7], [1e-6, 0.0, 2e-6], [0.0, 3.1, 0.0]], dtype=torch.float64)
    expected = torch.from_numpy(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    torch.testing.assert_close(rotation_matrix(vectors), expected)


@pytest.mark.parametrize("model", MODELS[:2], ids=["rigid", "affine"])
def test_exported_transform_does_the_same(model: RigidModel) -> None:
    parameters = 8.0 * torch.randn(1, model.parameter_count, generator=torch.Generator().manual_seed(2)).double()
    transform = linear_transform(model, parameters[0])
    expected = np.array([transform.TransformPoint(point) for point in _points().tolist()])
    np.testing.assert_allclose(_apply(model, parameters)[0].numpy(), expected, atol=1e-9)
    assert np.linalg.det(np.reshape(transform.GetMatrix(), (3, 3))) > 0


def test_probe_pressure_acts_along_the_beam_and_fades() -> None:
    model = MODELS[2]
    parameters = torch.zeros(1, 8, dtype=torch.float64)
    parameters[0, 6], parameters[0, 7] = 4.0, 2.0
    points = torch.tensor([[0.0, 0.0, 0.0], [0.0, 24.0, 32.0], [0.0, 60.0, 80.0]], dtype=torch.float64)
    moved = torch.einsum("bik,nk->bni", model.matrices(parameters), model.basis(points))[0] - points
    beam = torch.tensor([0.0, 0.6, 0.8], dtype=torch.float64)
    torch.testing.assert_close(moved, torch.tensor([6.0, 2.5, 0.0], dtype=torch.float64)[:, None] * beam)
    with pytest.raises(TypeError, match="not linear"):
        linear_transform(model, parameters[0])


def test_starts_of_a_model_are_rigid_motions() -> None:
    model = MODELS[1]
    vector = torch.tensor([[0.1, 0.2, -0.3]], dtype=torch.float64)
    parameters = model.parameters_of(vector, torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64))
    transform = linear_transform(model, parameters[0])
    euler = sitk.Euler3DTransform()
    euler.SetMatrix(transform.GetMatrix())
    np.testing.assert_allclose(np.reshape(euler.GetMatrix(), (3, 3)), rotation_matrix(vector)[0].numpy(), atol=1e-12)
    np.testing.assert_allclose(np.array(transform.TransformPoint(CENTRE)) - CENTRE, (1.0, 2.0, 3.0))
