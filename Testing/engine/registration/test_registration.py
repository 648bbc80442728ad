"""register(): known transforms are found on any geometry, results hang together, bad input gets one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from engine.registration.structured import moved_image
from engine.registration.structured import rigid_truth
from engine.registration.structured import structured_image
from engine.registration.structured import target_error_mm
from engine.registration.structured import target_points
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.imaging.phantoms import rotation_direction
from mambamed.jobs.reporter import NullReporter
from mambamed.registration import register

FAST: dict[str, Any] = {"method": "mind-ssc", "working_spacing_mm": 2.0, "stride": 2, "effort": "quick", "cache": False}
DIRECTIONS = {
    "flipped": (-1, 0, 0, 0, 1, 0, 0, 0, -1),
    "permuted": (0, 0, 1, 1, 0, 0, 0, 1, 0),
    "oblique": rotation_direction((25, -30, 40)),
}


class Listener(NullReporter):
    """Keeps what was told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.metrics: list[tuple[str, float, int | None]] = []
        self.fractions: list[float] = []

    def progress(self, stage: str, fraction: float) -> None:
        self.fractions.append(fraction)

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self.metrics.append((name, value, step))


@pytest.mark.parametrize("direction", list(DIRECTIONS.values()), ids=list(DIRECTIONS))
def test_result_of_a_rigid_registration_on_any_grid(direction: tuple[float, ...], tmp_path: Path) -> None:
    image = structured_image()
    truth = rigid_truth((5.0, -4.0, 6.0), (20.0, -9.0, 14.0), image)
    moving = moved_image(image, truth, direction)
    points = target_points(image, 6)
    listener = Listener()
    result = register(
        image,
        moving,
        **{**FAST, "effort": "standard"},
        fixed_landmarks=points,
        moving_landmarks=[truth.TransformPoint(point) for point in points],
        similarity_map=True,
        reporter=listener,
    )
    assert target_error_mm(result.transform, truth, image) < 0.5
    for volume in (result.warped, result.jacobian, result.similarity_map):
        assert volume is not None
        assert volume.GetSize() == image.GetSize()
        np.testing.assert_allclose(volume.GetDirection(), image.GetDirection())
        np.testing.assert_allclose(volume.GetOrigin(), image.GetOrigin())
    quality = result.quality
    assert quality["similarity"]["after"] > quality["similarity"]["before"]
    assert quality["landmarks"]["before_mean_mm"] > 2.0
    assert quality["landmarks"]["after_mean_mm"] < 0.5
    assert quality["jacobian"]["mean"] == pytest.approx(1.0, abs=1e-5)
    assert quality["folded_percent"] == 0.0
    assert quality["inverse_consistency_mm"]["maximum"] < 1e-6
    assert quality["overlap_percent"]["after"] > 95.0
    # The transform as SimpleITK reads it back moves the moving volume as the result did.
    sitk.WriteTransform(result.transform, str(tmp_path / "transform.h5"))
    again = sitk.Resample(moving, image, sitk.ReadTransform(str(tmp_path / "transform.h5")), sitk.sitkLinear)
    inside = sitk.GetArrayFromImage(result.similarity_map) != 0
    np.testing.assert_allclose(sitk.GetArrayFromImage(again)[inside], sitk.GetArrayFromImage(result.warped)[inside])
    # The contrast is inverted: the moved image is the fixed one, negative.
    correlation = np.corrcoef(sitk.GetArrayFromImage(image)[inside], sitk.GetArrayFromImage(result.warped)[inside])
    assert correlation[0, 1] < -0.97
    steps = [step for name, _, step in listener.metrics if name == "similarity"]
    assert steps == list(range(len(steps)))
    assert len(steps) > 10
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == 1.0


def test_global_search_tells_how_many_starts_agree() -> None:
    image = structured_image(1)
    truth = rigid_truth((30.0, -20.0, 15.0), (10.0, 10.0, -8.0), image)
    settings = {**FAST, "effort": "standard", "search": "global-wide", "starts": 120, "translation_range_mm": 20.0}
    result = register(image, moved_image(image, truth), **settings, similarity_map=False)
    assert target_error_mm(result.transform, truth, image) < 2.0
    spread = result.quality["restart_spread"]
    assert spread["starts"] == 120
    assert 1 <= spread["agreeing"] < 120
    assert spread["spread_mm"] <= spread["agreement_mm"]
    assert result.record["settings"]["seed"] == 0


@pytest.mark.parametrize("method", ["lc2", "ncc", "mattes"])
def test_similarities_of_whole_volumes(method: str) -> None:
    image = structured_image(2, (30, 34, 28))
    truth = rigid_truth((4.0, 3.0, -3.0), (5.0, -4.0, 3.0), image)
    moving = moved_image(image, truth)
    moving = 500.0 - moving if method == "ncc" else moving
    result = register(image, moving, method, "affine" if method == "ncc" else "rigid", working_spacing_mm=2.0)
    centres = sitk.TranslationTransform(3, np.subtract(_middle(moving), _middle(image)).tolist())
    assert target_error_mm(centres, truth, image) > 1.0
    assert target_error_mm(result.transform, truth, image) < 0.8
    assert result.quality["similarity"]["after"] > result.quality["similarity"]["before"]


def test_masks_and_region_of_interest_decide() -> None:
    image = structured_image(3)
    first, second = (rigid_truth((0, 0, 0), shift, image) for shift in ((5.0, 0.0, 0.0), (-5.0, 4.0, 0.0)))
    halves = [sitk.Resample(image, image, truth.GetInverse(), sitk.sitkLinear, 0.0) for truth in (first, second)]
    left = np.zeros(image.GetSize()[::-1], np.uint8)
    left[:, :, :20] = 1
    mask = sitk.GetImageFromArray(left)
    mask.CopyInformation(image)
    moving = sitk.Mask(halves[0], mask) + sitk.Mask(halves[1], 1 - mask)
    settings = {**FAST, "effort": "standard", "initial": "header"}
    result = register(image, moving, **settings, fixed_mask=sitk.BinaryErode(mask, (4, 4, 4)), moving_mask=mask)
    assert np.linalg.norm(_shift_at_middle(result.transform, image) - (5.0, 0.0, 0.0)) < 1.5
    corners = [image.TransformIndexToPhysicalPoint(index) for index in ((26, 6, 6), (37, 40, 30))]
    box = [value for pair in zip(*corners, strict=True) for value in sorted(pair)]
    result = register(image, moving, **settings, region_of_interest_lps_mm=box)
    assert np.linalg.norm(_shift_at_middle(result.transform, image) - (-5.0, 4.0, 0.0)) < 1.5


def test_initial_transform_is_used() -> None:
    image = structured_image(4)
    truth = rigid_truth((30.0, 0.0, -20.0), (60.0, 10.0, 0.0), image)
    nearby = rigid_truth((26.0, 2.0, -22.0), (63.0, 8.0, 2.0), image)
    search = {"search": "global-narrow", "starts": 40, "rotation_range_deg": 4.0, "translation_range_mm": 4.0}
    settings = {**FAST, "effort": "standard", **search}
    result = register(image, moved_image(image, truth), **settings, initial_transform=nearby)
    assert target_error_mm(result.transform, truth, image) < 1.5
    assert result.quality["similarity"]["before"] < result.quality["similarity"]["after"]


def test_probe_pressure_is_found() -> None:
    image = structured_image(5, (40, 56, 36))
    beam = np.reshape(image.GetDirection(), (3, 3))[:, 1]
    face = np.array(image.TransformContinuousIndexToPhysicalPoint((19.5, 0.0, 17.5)))

    def squeezed(points: np.ndarray) -> np.ndarray:
        height = np.clip(1.0 - (points - face) @ beam / 110.0, 0.0, 1.0)
        return points + (8.0 * height**2)[:, None] * beam

    # moving(T(p)) = fixed(p): the fixed image is drawn from the moving one, which is known everywhere.
    moving = structured_image(5, (40, 56, 36))
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in image.GetSize()), indexing="ij"), axis=-1).reshape(-1, 3)
    points = np.array([image.TransformIndexToPhysicalPoint(index) for index in indices.tolist()])
    field = np.zeros((*image.GetSize(), 3))
    field[tuple(indices.T)] = squeezed(points) - points
    vectors = sitk.GetImageFromArray(np.ascontiguousarray(field.transpose(2, 1, 0, 3)), isVector=True)
    vectors.CopyInformation(image)
    truth = sitk.DisplacementFieldTransform(vectors)
    fixed = sitk.Resample(moving, moving, truth, sitk.sitkLinear, 0.0)
    settings = {**FAST, "initial": "header", "transform": "probe-pressure"}
    result = register(fixed, moving, **settings)
    rigid = register(fixed, moving, **{**settings, "transform": "rigid"})
    assert target_error_mm(rigid.transform, truth, fixed) > 1.0
    assert target_error_mm(result.transform, truth, fixed) < 0.6
    assert not result.transform.IsLinear()
    assert result.quality["inverse_consistency_mm"]["mean"] < 0.1


@pytest.mark.parametrize("method", ["lc2", "ncc", "mattes"])
def test_similarities_of_whole_sections(method: str) -> None:
    image = structured_image(6, (50, 44, 1), spacing_mm=1.0, detail=3.0)
    truth = rigid_truth((0.0, 0.0, 6.0), (3.0, -2.0, 3.0), image)
    moving = moved_image(image, truth, contrast=method != "ncc")
    result = register(image, moving, method, preset="2d", search="local", transform="rigid", cache=False)
    assert target_error_mm(result.transform, truth, image) < 0.6


@pytest.mark.parametrize("transform", ["rigid", "affine"])
def test_sections_are_moved_within_their_plane(transform: str) -> None:
    image = structured_image(6, (90, 80, 1), spacing_mm=0.01, detail=4.0)
    truth = rigid_truth((0.0, 0.0, 25.0), (0.05, -0.04, 3.0), image)
    moving = moved_image(image, truth)
    preset = {"preset": "2d", "starts": 60, "transform": transform, "cache": False}
    result = register(image, moving, **preset)
    assert target_error_mm(result.transform, truth, image) < 0.01
    picture = register(image[:, :, 0], moving[:, :, 0], **preset)
    assert picture.warped.GetSize() == (90, 80, 1)
    assert picture.quality["similarity"]["after"] == pytest.approx(result.quality["similarity"]["after"], rel=0.05)


def test_colours_are_compared_by_luminance_and_kept() -> None:
    grey = structured_image(7, (60, 50, 1), spacing_mm=1.0, detail=3.0)
    channels = [sitk.Clamp(128.0 + weight * grey, sitk.sitkUInt8, 0, 255) for weight in (0.3, 0.2, 0.1)]
    colour = sitk.Compose(channels)
    result = register(grey, colour, preset="2d", search="local", cache=False)
    assert result.warped.GetNumberOfComponentsPerPixel() == 3
    assert target_error_mm(result.transform, sitk.Transform(3, sitk.sitkIdentity), grey) < 0.3


def _middle(image: sitk.Image) -> np.ndarray:
    return np.array(image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in image.GetSize()]))


def _shift_at_middle(transform: sitk.Transform, image: sitk.Image) -> np.ndarray:
    return np.subtract(transform.TransformPoint(_middle(image).tolist()), _middle(image))


def _constant() -> sitk.Image:
    return sitk.Image((20, 20, 20), sitk.sitkFloat32) + 3.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fixed": _constant()}, "the fixed volume has the value 3"),
        ({"moving": sitk.Image((9, 9, 9, 3), sitk.sitkFloat32)}, "a series over time"),
        ({"moving": sitk.Image((9, 9, 9), sitk.sitkVectorFloat32, 2)}, "2 values per voxel"),
        ({"moving": sitk.Image((3, 1, 1), sitk.sitkFloat32)}, "3 x 1 x 1|every voxel"),
        ({"fixed_mask": sitk.Image((20, 22, 18), sitk.sitkUInt8)}, "fixed mask covers nothing"),
        ({"region_of_interest_lps_mm": [900, 910, 0, 1, 0, 1]}, "region of interest"),
        ({"initial": "transform"}, "none is given"),
        ({"initial": "header", "far": True}, "do not overlap"),
        ({"initial_transform": sitk.BSplineTransform(3)}, "not linear"),
        ({"fixed_landmarks": [(0, 0, 0)]}, "one volume only"),
        ({"fixed_landmarks": [(0, 0, 0)], "moving_landmarks": []}, "form pairs"),
        ({"method": "network:nothing", "transform": "deformable"}, "no model 'nothing'"),
        ({"method": "disa", "model": "no-such-model"}, "no model 'no-such-model'"),
        ({"device": "cuda:77"}, "cuda"),
        ({"working_spacing_mm": 0.01}, "coarser spacing"),
    ],
)
def test_bad_requests_get_one_sentence(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"fixed": structured_image(8, (20, 22, 18)), **FAST, **change}
    arguments.setdefault("moving", structured_image(9, (20, 22, 18)))
    if arguments.pop("far", False):
        arguments["moving"].SetOrigin((5000.0, 0.0, 0.0))
    with pytest.raises(Exception, match=message) as caught:
        register(**arguments)
    assert type(caught.value).__module__ == "mambamed.errors"


def test_a_slice_cannot_be_moved_onto_a_volume() -> None:
    with pytest.raises(BadRequestError, match="exchange them"):
        register(structured_image(), structured_image(6, (30, 30, 1)), **FAST)


def test_different_fields_of_view_are_told() -> None:
    size = (60, 60, 60)
    places = np.stack(np.meshgrid(*(np.arange(60) - 29.5,) * 3, indexing="ij"))
    radius = np.sqrt((places**2).sum(axis=0))
    noise = np.random.default_rng(0).normal(size=size)
    head = sitk.GetImageFromArray((np.where(radius < 27, 100.0, 0.0) + 10 * noise).astype(np.float32))
    brain = sitk.GetImageFromArray(np.where(radius < 17, 100.0 + 10 * noise, 0.0).astype(np.float32))
    for image in (head, brain):
        image.SetSpacing((4.0, 4.0, 4.0))
    settings = {**FAST, "working_spacing_mm": 8.0}
    listener = Listener()
    register(head, brain, **settings, reporter=listener)
    assert any("fields of view differ" in message and "fixed volume" in message for message in listener.warnings)
    mask = sitk.GetImageFromArray((radius < 17).astype(np.uint8))
    mask.CopyInformation(head)
    listener = Listener()
    register(head, brain, **settings, reporter=listener, fixed_mask=mask)
    assert listener.warnings == []


def test_cancel() -> None:
    class Cancelled(NullReporter):
        def check_cancelled(self) -> None:
            raise JobCancelledError("cancelled")

    image = structured_image(8, (20, 22, 18))
    with pytest.raises(JobCancelledError):
        register(image, image, **FAST, reporter=Cancelled())
