"""Registration by one-pass networks: right on every grid, with its inverse, refined, warned about where unsure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from engine.registration.one_pass.fitted_network import SPACING_MM
from engine.registration.one_pass.fitted_network import fitted_model
from engine.registration.one_pass.fitted_network import known_pair
from engine.registration.one_pass.fitted_network import shifting_model
from engine.registration.structured import rigid_truth
from engine.registration.structured import structured_image
from engine.registration.structured import target_error_mm
from engine.registration.structured import target_points
from engine.registration.test_registration import Listener
from mambamed.errors import BadRequestError
from mambamed.imaging.phantoms import rotation_direction
from mambamed.registration import register
from mambamed.registration.networks.model import load_network
from mambamed.registration.one_pass.known_inputs import warn_of_prediction

FAST: dict[str, Any] = {"initial": "header", "search": "none", "cache": False, "device": "cpu"}
IDENTITY = sitk.Transform(3, sitk.sitkIdentity)
SHIFT_VOXELS = (1.0, -2.0, 0.5)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that knows one deformation."""
    return f"network:{fitted_model(tmp_path_factory.mktemp('fitted') / 'model')}"


@pytest.fixture(scope="module")
def shifting(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that predicts one shift everywhere."""
    return f"network:{shifting_model(tmp_path_factory.mktemp('shifting') / 'model', SHIFT_VOXELS)}"


def _stored(image: sitk.Image, way: str) -> sitk.Image:
    """The same content stored otherwise."""
    if way == "permuted and flipped":
        return sitk.Flip(sitk.PermuteAxes(image, (2, 0, 1)), (True, False, True))
    spacing, direction = {
        "oblique": ((2.0, 2.0, 2.0), rotation_direction((25, -30, 40))),
        "thick slices, odd sizes": ((1.7, 2.3, 4.1), image.GetDirection()),
    }[way]
    extent = np.array(image.GetSize()) * image.GetSpacing()
    size = np.ceil(1.3 * extent.max() / np.array(spacing) if way == "oblique" else extent / spacing).astype(int) | 1
    grid = sitk.Image(size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(spacing)
    grid.SetDirection(direction)
    middle = [
        np.array(some.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in some.GetSize()]))
        for some in (image, grid)
    ]
    grid.SetOrigin((middle[0] - middle[1]).tolist())
    return sitk.Resample(image, grid, IDENTITY, sitk.sitkLinear, 0.0)


@pytest.mark.parametrize("way", ["permuted and flipped", "oblique", "thick slices, odd sizes"])
def test_a_deformation_is_found_however_the_volumes_are_stored(fitted: str, way: str) -> None:
    fixed, moving, truth = known_pair()
    before = target_error_mm(IDENTITY, truth, fixed)
    points = target_points(fixed, 30)
    plain = register(fixed, moving, fitted, **FAST)
    assert target_error_mm(plain.transform, truth, fixed) < 0.55 * before
    stored = _stored(fixed, way)
    result = register(
        stored,
        _stored(moving, "permuted and flipped"),
        fitted,
        **FAST,
        fixed_landmarks=points,
        moving_landmarks=[truth.TransformPoint(point) for point in points],
    )
    assert target_error_mm(result.transform, truth, fixed) < 0.65 * before
    landmarks = result.quality["landmarks"]
    assert landmarks["after_mean_mm"] < 0.7 * landmarks["before_mean_mm"]
    for image in (result.warped, result.jacobian):
        assert image.GetSize() == stored.GetSize()
        np.testing.assert_allclose(image.GetDirection(), stored.GetDirection())
    if way == "permuted and flipped":
        assert target_error_mm(result.transform, plain.transform, fixed) < 1e-6
    assert result.quality["inverse_consistency_mm"]["mean"] < 0.1
    assert result.quality["folded_percent"] < 0.1
    assert result.quality["similarity"]["name"] == "mind-ssc"


@pytest.mark.parametrize("way", ["permuted and flipped", "oblique", "thick slices, odd sizes"])
def test_a_predicted_shift_comes_back_exactly_through_the_linear_part(shifting: str, way: str) -> None:
    fixed = structured_image(2, (30, 50, 28))
    linear = rigid_truth((20.0, -15.0, 30.0), (12.0, -7.0, 9.0), fixed)
    result = register(
        _stored(fixed, way), fixed, shifting, **{**FAST, "initial": "transform"}, initial_transform=linear
    )
    shift_mm = SPACING_MM * np.array(SHIFT_VOXELS)
    # Near the border of the network's grid the integration of a shift runs out of the grid.
    indices = np.random.default_rng(1).uniform(0.35, 0.65, (20, 3)) * (np.array(fixed.GetSize()) - 1)
    for point in [fixed.TransformContinuousIndexToPhysicalPoint(index.tolist()) for index in indices]:
        expected = linear.TransformPoint(np.add(point, shift_mm).tolist())
        np.testing.assert_allclose(result.transform.TransformPoint(point), expected, atol=2e-3)
        np.testing.assert_allclose(result.inverse.TransformPoint(expected), point, atol=2e-3)


def test_a_network_without_velocity_gets_its_inverse_by_iteration(tmp_path: Path) -> None:
    model = shifting_model(tmp_path / "model", SHIFT_VOXELS, integration_steps=0)
    fixed = structured_image(2, (30, 50, 28))
    result = register(fixed, fixed, f"network:{model}", **FAST)
    assert result.quality["inverse_consistency_mm"]["mean"] < 0.1


def test_refinement_improves_a_field_and_keeps_its_inverse(tmp_path: Path) -> None:
    model = shifting_model(tmp_path / "model", (0.3, 0.0, 0.0))
    fixed, moving, truth = known_pair()
    plain = register(fixed, moving, f"network:{model}", **FAST)
    listener = Listener()
    refined = register(fixed, moving, f"network:{model}", **FAST, refine=True, iterations=15, reporter=listener)
    errors = [target_error_mm(result.transform, truth, fixed) for result in (plain, refined)]
    assert errors[1] < 0.8 * errors[0]
    assert refined.quality["similarity"]["after"] > plain.quality["similarity"]["after"]
    assert refined.quality["inverse_consistency_mm"]["mean"] < 0.3
    assert refined.quality["folded_percent"] == 0.0
    assert listener.fractions == sorted(listener.fractions)
    assert {"network", "features", "continuous"} <= set(refined.record["estimate_seconds"])


def test_the_linear_part_is_found_first_and_what_masks_hide_does_not_count(shifting: str) -> None:
    moving = structured_image(5, (30, 50, 28), detail=3.0)
    truth = rigid_truth((4.0, -3.0, 5.0), (6.0, 4.0, -5.0), moving)
    fixed = sitk.Resample(moving, moving, truth, sitk.sitkLinear, 0.0)
    shift_mm = SPACING_MM * np.array(SHIFT_VOXELS)
    found = register(
        fixed, moving, shifting, **{**FAST, "search": "local", "linear_part": "rigid"}, working_spacing_mm=2.0, stride=2
    )
    expected = sitk.CompositeTransform([truth, sitk.TranslationTransform(3, shift_mm.tolist())])
    assert target_error_mm(found.transform, expected, fixed) < 1.0
    mask = sitk.Cast(fixed * 0 + 1, sitk.sitkUInt8)
    mask[:, 40:, :] = 0
    disturbed = sitk.Image(fixed)
    disturbed[:, 40:, :] = 5000.0
    results = [register(image, moving, shifting, **FAST, fixed_mask=mask) for image in (fixed, disturbed)]
    assert target_error_mm(results[0].transform, results[1].transform, fixed) < 1e-9


def _with(image: sitk.Image, **changes: Any) -> sitk.Image:
    image = sitk.Image(image)
    for name, value in changes.items():
        getattr(image, f"Set{name}")(value)
    return image


def _box_of(image: sitk.Image) -> sitk.Image:
    """A small bright box in the middle of darkness."""
    box = sitk.Image(image.GetSize(), sitk.sitkFloat32)
    box.CopyInformation(image)
    box = sitk.AdditiveGaussianNoise(box, 0.1, seed=1)
    middle = [count // 2 for count in image.GetSize()]
    box[middle[0] - 5 : middle[0] + 5, middle[1] - 5 : middle[1] + 5, middle[2] - 5 : middle[2] + 5] = 100.0
    return box


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: sitk.Cast(image > 30.0, sitk.sitkFloat32) * 3.0, "looks like a label map"),
        (lambda image: 4.0 * image - 400.0, "like a CT in HU"),
        (lambda image: _box_of(image), "trained on larger anatomy"),
        (lambda image: _with(image, Spacing=(2.0, 2.0, 11.0)), r"slices or voxels of 11\.0 mm"),
        (lambda image: _with(image, Spacing=(8.0, 8.0, 8.0)), "outside of the"),
        (lambda image: _with(image, Origin=(0.0, 25.0, 10.0)), "covers only"),
    ],
    ids=["label map", "HU", "small", "thick", "large", "overlap"],
)
def test_inputs_unlike_what_the_network_knows_are_told(shifting: str, change: Any, message: str) -> None:
    image = structured_image(8, (30, 50, 28), detail=3.0)
    listener = Listener()
    both = "voxels of" in message or "outside" in message
    register(change(image), change(image) if both else image, shifting, **FAST, reporter=listener)
    assert any(re.search(message, text) for text in listener.warnings), listener.warnings


def test_what_it_knows_raises_no_warning(shifting: str) -> None:
    image = structured_image(8, (30, 50, 28), detail=3.0)
    listener = Listener()
    register(image, image, shifting, **FAST, reporter=listener)
    assert listener.warnings == []


def test_a_folding_field_is_told(tmp_path: Path) -> None:
    model = load_network(shifting_model(tmp_path / "model", SHIFT_VOXELS), device="cpu")
    listener = Listener()
    warn_of_prediction(0.5, model, listener)
    assert listener.warnings == []
    warn_of_prediction(3.2, model, listener)
    assert "folds in 3.2 %" in listener.warnings[0]


def test_bad_requests_get_one_sentence(shifting: str) -> None:
    image = structured_image(8, (30, 50, 28))
    section = structured_image(6, (30, 50, 1))
    with pytest.raises(BadRequestError, match="single slices"):
        register(section, section, shifting, **FAST)
    with pytest.raises(BadRequestError, match="no model"):
        register(image, image, "network:nothing", **FAST)
    with pytest.raises(BadRequestError, match="not a deformable registration network"):
        register(image, image, "network:disa-lc2", **FAST)
    with pytest.raises(BadRequestError, match='not a "rigid"'):
        register(image, image, shifting, "rigid", **FAST)
