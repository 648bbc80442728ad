"""The sampled objective and the search, on data whose true transform is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.imaging.phantoms import rotation_direction
from mambamed.jobs.reporter import NullReporter
from mambamed.registration.features import FeatureVolume
from mambamed.registration.features import coarser
from mambamed.registration.features import describe_image
from mambamed.registration.features import paired
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.linear import LOCAL_SEARCH
from mambamed.registration.linear import Search
from mambamed.registration.linear import align_features
from mambamed.registration.linear_registration import register_linear
from mambamed.registration.objective import SampledObjective
from mambamed.registration.optimise import maximise
from mambamed.registration.transforms import AffineModel
from mambamed.registration.transforms import ProbePressureModel
from mambamed.registration.transforms import RigidModel
from torch.nn import functional

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def _random_features(size: tuple[int, int, int], seed: int) -> FeatureVolume:
    generator = torch.Generator().manual_seed(seed)
    geometry = GridGeometry(size, (3.0, 4.0, 5.0), (-7.0, 3.0, 20.0), rotation_direction((10, 20, -15)))
    return FeatureVolume(torch.randn(1, 6, *size, generator=generator), torch.rand(size, generator=generator), geometry)


def _structured_image(seed: int = 0, size: tuple[int, int, int] = (52, 60, 46)) -> sitk.Image:
    """A random volume with structures of about 10 mm, zero towards its borders, 2 mm voxels, oblique."""
    noise = np.random.default_rng(seed).normal(size=size[::-1]).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 2.5)
    array = sitk.GetArrayFromImage(image)
    window = np.einsum("i,j,k->ijk", *(np.hanning(count + 2)[1:-1] ** 0.5 for count in array.shape))
    image = sitk.GetImageFromArray((array / array.std() * window).astype(np.float32))
    image.SetSpacing((2.0, 2.0, 2.0))
    image.SetDirection(rotation_direction((5, -10, 15)))
    image.SetOrigin((-40.0, 25.0, 10.0))
    return image


def _moved(image: sitk.Image, truth: sitk.Transform) -> sitk.Image:
    """The image M with M(truth(p)) = image(p), on another grid, in another contrast."""
    grid = sitk.Image([66, 60, 70], sitk.sitkFloat32)
    grid.SetSpacing((1.9, 2.1, 1.8))
    centre = image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in image.GetSize()])
    middle = grid.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in grid.GetSize()])
    grid.SetOrigin([a - b for a, b in zip(truth.TransformPoint(centre), middle, strict=True)])
    moved = sitk.Resample(image, grid, truth.GetInverse(), sitk.sitkLinear, 0.0)
    return 5.0 - 2.0 * moved + 0.3 * sitk.Sin(2.0 * moved)


def _target_error_mm(found: sitk.Transform, truth: sitk.Transform, image: sitk.Image) -> float:
    indices = np.random.default_rng(1).uniform(0.15, 0.85, (200, 3)) * (np.array(image.GetSize()) - 1)
    points = [image.TransformContinuousIndexToPhysicalPoint(index.tolist()) for index in indices]
    differences = [np.subtract(found.TransformPoint(point), truth.TransformPoint(point)) for point in points]
    return float(np.linalg.norm(differences, axis=1).mean())


def _truth(degrees: tuple[float, ...], shift: tuple[float, ...], image: sitk.Image) -> sitk.Euler3DTransform:
    centre = image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in image.GetSize()])
    return sitk.Euler3DTransform(centre, *np.radians(degrees).tolist(), shift)


@pytest.mark.parametrize("kind", [RigidModel, AffineModel, ProbePressureModel])
def test_value_and_gradient_equal_plain_interpolation(kind: type[RigidModel]) -> None:
    fixed, moving = _random_features((5, 6, 7), 0), _random_features((6, 4, 5), 1)
    centre = fixed.geometry.centre_mm()
    model = kind((float(centre[0]), float(centre[1]), float(centre[2])), 20.0)
    initial = np.eye(4)
    initial[:3, 3] = (1.0, -2.0, 0.5)
    objective = SampledObjective(fixed, moving, model, points=300, initial=initial, seed=3, threads=2)
    parameters = 3.0 * torch.randn(5, model.parameter_count, generator=torch.Generator().manual_seed(4)).double()
    values, gradients = objective(parameters)

    leaf = parameters.clone().requires_grad_()
    places = objective.transformed_points(leaf)
    index = (places - torch.tensor(moving.geometry.origin_mm).double()) @ torch.tensor(
        moving.geometry.physical_to_index()[:3, :3].T
    )
    grid = (2.0 * index / (torch.tensor(moving.geometry.size) - 1) - 1.0).flip(-1)[:, :, None, None]
    sampled = functional.grid_sample(
        moving.features.double().expand(5, -1, -1, -1, -1), grid, align_corners=True, padding_mode="zeros"
    )[..., 0, 0]
    fixed_index = (objective.points_mm - torch.tensor(fixed.geometry.origin_mm).double()) @ torch.tensor(
        fixed.geometry.physical_to_index()[:3, :3].T
    )
    fixed_grid = (2.0 * fixed_index / (torch.tensor(fixed.geometry.size) - 1) - 1.0).flip(-1)[None, :, None, None]
    samples = functional.grid_sample(fixed.features.double(), fixed_grid, align_corners=True)[0, :, :, 0, 0]
    expected = (sampled * samples).sum(dim=1).mean(dim=1)
    (expected_gradients,) = torch.autograd.grad(expected.sum(), leaf)
    torch.testing.assert_close(values, expected.detach(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(gradients, expected_gradients, atol=1e-5, rtol=1e-3)


def test_points_are_drawn_by_weight_off_the_grid_and_repeatably() -> None:
    fixed = _random_features((6, 6, 6), 0)
    weights = torch.zeros(6, 6, 6)
    weights[4:] = 1.0
    fixed = FeatureVolume(fixed.features, weights, fixed.geometry)
    model = RigidModel((0.0, 0.0, 0.0), 10.0)
    objectives = [SampledObjective(fixed, fixed, model, points=500, seed=seed) for seed in (0, 0, 1)]
    index = objectives[0].points_mm.numpy() @ fixed.geometry.physical_to_index()[:3, :3].T
    index += fixed.geometry.physical_to_index()[:3, 3]
    assert index[:, 0].min() >= 3.5 - 1e-9
    fractions = index[:, 1] - np.floor(index[:, 1])
    assert 0.2 < np.histogram(fractions, bins=3, range=(0, 1))[0].min() / 500 * 3 < 1.0
    assert torch.equal(objectives[0].points_mm, objectives[1].points_mm)
    assert not torch.equal(objectives[0].points_mm, objectives[2].points_mm)


def test_bfgs_finds_the_maximum_of_many_quadratics_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    matrix = root @ root.T + 0.1 * torch.eye(4, dtype=torch.float64)
    target = torch.tensor([3.0, -2.0, 1.0, 5.0], dtype=torch.float64)

    def objective(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        offset = points - target
        return -0.5 * ((offset @ matrix) * offset).sum(dim=1), -offset @ matrix

    starts = 10.0 * torch.randn(7, 4, generator=generator, dtype=torch.float64)
    optimum = maximise(objective, starts, iterations=100, tolerance_mm=1e-6)
    torch.testing.assert_close(optimum.parameters, target.expand(7, 4), atol=1e-3, rtol=0)
    assert optimum.iterations < 60


@pytest.mark.parametrize("transform", ["rigid", "affine"])
def test_known_motion_is_found_across_contrasts(transform: str) -> None:
    image = _structured_image()
    truth = _truth((6.0, -4.0, 5.0), (7.0, -9.0, 60.0), image)
    if transform == "affine":
        matrix = np.reshape(truth.GetMatrix(), (3, 3)) @ np.diag([1.05, 0.96, 1.03])
        stretched = sitk.AffineTransform(matrix.ravel().tolist(), truth.GetTranslation(), truth.GetCenter())
        truth = stretched
    moving_image = _moved(image, truth)
    settings = {"method": "mind-ssc", "transform": transform, "spacing_mm": 2.0, "stride": 2}
    result = register_linear(image, moving_image, **settings)
    middles = [GridGeometry.of_image(volume).centre_mm() for volume in (image, moving_image)]
    start = sitk.TranslationTransform(3, (middles[1] - middles[0]).tolist())
    assert _target_error_mm(start, truth, image) > 4.0
    assert _target_error_mm(result.transform, truth, image) < 0.5
    assert result.similarity > result.initial_similarity
    once = register_linear(image, moving_image, **settings, describe_again=False)
    assert _target_error_mm(once.transform, truth, image) > _target_error_mm(result.transform, truth, image)


def test_far_motion_is_found_by_many_starts_but_not_from_one() -> None:
    image = _structured_image(2)
    truth = _truth((-60.0, 40.0, 20.0), (30.0, -30.0, 30.0), image)
    moving_image = _moved(image, truth)
    settings = {"method": "mind-ssc", "spacing_mm": 2.0, "stride": 2, "initial": "identity"}
    local = register_linear(image, moving_image, search=LOCAL_SEARCH, **settings)
    assert _target_error_mm(local.transform, truth, image) > 10.0
    search = Search(starts=200, rotation_deg=45.0, translation_mm=60.0, points=2000)
    found = register_linear(image, moving_image, search=search, **settings)
    assert _target_error_mm(found.transform, truth, image) < 1.0
    assert found.similarity > local.similarity
    assert local.starts == 1
    assert found.starts == 200
    assert 1 <= found.agreeing < 100
    again = register_linear(image, moving_image, search=search, **settings)
    assert again.transform.GetParameters() == found.transform.GetParameters()


def test_initial_transform_is_taken_into_the_result() -> None:
    image = _structured_image(3)
    truth = _truth((30.0, 0.0, -20.0), (40.0, 10.0, 0.0), image)
    nearby = _truth((26.0, 2.0, -22.0), (43.0, 8.0, 2.0), image)
    around = Search(starts=40, rotation_deg=4.0, translation_mm=4.0)
    result = register_linear(
        image, _moved(image, truth), "mind-ssc", spacing_mm=2.0, stride=2, initial=nearby, search=around
    )
    assert result.agreeing >= 36
    assert _target_error_mm(nearby, truth, image) > 3.0
    assert _target_error_mm(result.transform, truth, image) < 0.5


def test_disa_features_align_an_image_with_itself() -> None:
    """The way through the network's grids is exact."""
    image = _structured_image(4)
    truth = _truth((0.0, 0.0, 0.0), (4.0, -3.0, 5.0), image)
    moving_image = sitk.Resample(image, image, truth.GetInverse(), sitk.sitkLinear, 0.0)
    pair = [describe_image(volume, "disa", spacing_mm=2.0, stride=2) for volume in (image, moving_image)]
    result = align_features(*paired(*pair, "disa"), initial="identity")
    assert _target_error_mm(result.transform, truth, image) < 0.7


def test_what_one_image_alone_decides_is_left_out() -> None:
    """The product of two positions is that of the differences from the means, and the constant that overlap earns."""
    fixed, moving = _random_features((5, 6, 7), 1), _random_features((6, 4, 5), 2)
    first, second = paired(fixed, moving, "disa")
    means = [
        (volume.features.double() * volume.weights.double()).sum((2, 3, 4)) / volume.weights.double().sum()
        for volume in (fixed, moving)
    ]
    for position, other in (((0, 1, 2), (3, 2, 1)), ((4, 5, 6), (5, 3, 4))):
        here, there = (
            fixed.features[(0, slice(None), *position)].double(),
            moving.features[(0, slice(None), *other)].double(),
        )
        expected = (here - means[0][0]) @ (there - means[1][0]) + means[0][0] @ means[1][0]
        found = first.features[(0, slice(None), *position)] @ second.features[(0, slice(None), *other)]
        assert float(found) == pytest.approx(float(expected), abs=1e-5)


def test_masks_decide_what_is_aligned() -> None:
    """Two halves that moved differently: the masked one decides."""
    image = _structured_image(5)
    first, second = _truth((0, 0, 0), (5.0, 0.0, 0.0), image), _truth((0, 0, 0), (-5.0, 4.0, 0.0), image)
    halves = [sitk.Resample(image, image, truth.GetInverse(), sitk.sitkLinear, 0.0) for truth in (first, second)]
    left = np.zeros(image.GetSize()[::-1], np.uint8)
    left[:, :, :26] = 1
    mask = sitk.GetImageFromArray(left)
    mask.CopyInformation(image)
    moving_image = sitk.Mask(halves[0], mask) + sitk.Mask(halves[1], 1 - mask)
    for truth, chosen in ((first, mask), (second, 1 - mask)):
        inner = sitk.BinaryErode(chosen, (4, 4, 4))
        settings = {"spacing_mm": 2.0, "stride": 2, "fixed_mask": inner, "moving_mask": chosen}
        result = register_linear(image, moving_image, "mind-ssc", initial="identity", **settings)
        found = np.subtract(result.transform.TransformPoint(result.transform.GetCenter()), result.transform.GetCenter())
        assert np.linalg.norm(found - truth.GetTranslation()) < 1.0


def test_coarser_features_keep_their_place() -> None:
    geometry = GridGeometry((6, 4, 1), (2.0, 3.0, 4.0), (1.0, 2.0, 3.0), AXES)
    ramp = torch.arange(6.0)[:, None, None].expand(6, 4, 1)
    volume = FeatureVolume(ramp[None, None], torch.ones(6, 4, 1), geometry)
    pooled = coarser(volume, 2)
    assert pooled.geometry.size == (3, 2, 1)
    assert pooled.geometry.origin_mm == (2.0, 3.5, 3.0)
    assert pooled.features[0, 0, :, 0, 0].tolist() == [0.5, 2.5, 4.5]
    assert pooled.weights.shape == (3, 2, 1)


def test_cancel_and_wrong_requests() -> None:
    class Cancelled(NullReporter):
        def check_cancelled(self) -> None:
            raise JobCancelledError("cancelled")

    volume = _random_features((5, 5, 5), 0)
    with pytest.raises(JobCancelledError):
        align_features(volume, volume, reporter=Cancelled())
    with pytest.raises(BadRequestError, match="not linear"):
        align_features(volume, volume, "deformable")
    with pytest.raises(BadRequestError, match="unknown"):
        align_features(volume, volume, initial="somewhere")
    image = _structured_image(6, (20, 22, 18))
    with pytest.raises(BadRequestError, match="no features"):
        describe_image(image, "sift")
