"""Deformable registration: known fields are found on any grid, fields are smooth, inverses hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from engine.registration.deformed import smooth_field
from engine.registration.structured import structured_image
from engine.registration.structured import target_error_mm
from mambamed.jobs.reporter import NullReporter
from mambamed.registration import register
from mambamed.registration.deformable.continuous import exponentiate
from mambamed.registration.deformable.continuous import sample_at
from mambamed.registration.deformable.discrete import plan_search
from mambamed.registration.deformable.discrete import search_displacements
from mambamed.registration.disa.network import DISANet

SETTINGS: dict[str, Any] = {
    "method": "mind-ssc",
    "transform": "deformable",
    "working_spacing_mm": 2.0,
    "search": "none",
    "initial": "header",
    "displacement_range_mm": 12.0,
    "cache": False,
}
IDENTITY = sitk.Transform(3, sitk.sitkIdentity)


def _pair(size: tuple[int, int, int] = (40, 46, 36), strength_mm: float = 9.0) -> tuple[Any, ...]:
    """Fixed and moving with moving(truth(p)) = fixed(p), in opposite contrast."""
    moving = structured_image(3, size, detail=2.0)
    truth = smooth_field(moving, strength_mm, sigma=7.0)
    fixed = 300.0 - 2.0 * sitk.Resample(moving, moving, truth, sitk.sitkBSpline, 0.0)
    return fixed, moving, truth


@pytest.mark.parametrize("options", [{}, {"inverse_consistent": True}, {"diffeomorphic": True}], ids=str)
def test_a_known_deformation_is_found(options: dict[str, Any], tmp_path: Path) -> None:
    fixed, moving, truth = _pair()
    result = register(fixed, moving, **SETTINGS, **options)
    before = target_error_mm(IDENTITY, truth, fixed)
    assert before > 2.0
    assert target_error_mm(result.transform, truth, fixed) < 0.6 * before
    quality = result.quality
    assert quality["similarity"]["after"] > quality["similarity"]["before"]
    assert quality["folded_percent"] < 0.05
    assert quality["jacobian"]["minimum"] < 0.95
    assert quality["inverse_consistency_mm"]["mean"] < 0.1
    assert "restart_spread" not in quality
    sitk.WriteTransform(result.transform, str(tmp_path / "transform.h5"))
    again = sitk.Resample(moving, fixed, sitk.ReadTransform(str(tmp_path / "transform.h5")), sitk.sitkLinear)
    difference = np.abs(sitk.GetArrayFromImage(again) - sitk.GetArrayFromImage(result.warped))
    assert difference[3:-3, 3:-3, 3:-3].max() < 1e-3


def test_the_grid_of_the_file_does_not_matter() -> None:
    """The same volumes with their axes stored in another order, flipped, and with thick slices."""
    fixed, moving, truth = _pair((34, 38, 32))
    plain = register(fixed, moving, **SETTINGS, iterations=10)
    turned = sitk.Flip(sitk.PermuteAxes(moving, (2, 0, 1)), (True, False, True))
    stored = sitk.Flip(sitk.PermuteAxes(fixed, (1, 2, 0)), (False, True, False))
    other = register(stored, turned, **SETTINGS, iterations=10)
    assert other.warped.GetSize() == stored.GetSize()
    assert target_error_mm(other.transform, plain.transform, fixed) < 0.15
    thick = sitk.Resample(
        fixed, [34, 38, 16], IDENTITY, sitk.sitkLinear, fixed.GetOrigin(), (2.0, 2.0, 4.0), fixed.GetDirection()
    )
    coarse = register(thick, moving, **SETTINGS, iterations=10)
    assert coarse.jacobian.GetSize() == thick.GetSize()
    assert target_error_mm(coarse.transform, truth, fixed) < 0.8 * target_error_mm(IDENTITY, truth, fixed)


def test_linear_part_is_found_first_and_sections_stay_in_their_plane() -> None:
    moving = structured_image(4, (80, 70, 1), detail=3.0, spacing_mm=1.0)
    truth = smooth_field(moving, 5.0, sigma=9.0)
    fixed = sitk.Resample(moving, moving, truth, sitk.sitkLinear, 0.0)
    moving.SetOrigin(np.add(moving.GetOrigin(), (30.0, -20.0, 7.0)).tolist())
    settings = {**SETTINGS, "search": "local", "linear_part": "rigid", "initial": "centre"}
    result = register(fixed, moving, **{**settings, "working_spacing_mm": 1.0, "displacement_range_mm": 8.0})
    shifted = sitk.CompositeTransform([sitk.TranslationTransform(3, (30.0, -20.0, 7.0)), truth])
    assert target_error_mm(result.transform, shifted, fixed) < 0.7 * target_error_mm(IDENTITY, truth, fixed)
    moved = result.transform.TransformPoint(fixed.TransformIndexToPhysicalPoint((40, 30, 0)))
    assert moved[2] == pytest.approx(17.0, abs=1e-6)


@pytest.mark.parametrize("cache", [False, True])
def test_descriptors_of_a_network(cache: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained descriptors know their own contrast; this checks the way through the network, and through the cache."""
    monkeypatch.setenv("MAMBAMED_CACHE", str(tmp_path))
    torch.manual_seed(0)
    moving = structured_image(3, (32, 36, 28), detail=2.0)
    truth = sitk.TranslationTransform(3, (4.0, -2.0, 3.0))
    fixed = sitk.Resample(moving, moving, truth, sitk.sitkLinear, 0.0)
    settings = {**SETTINGS, "method": "disa", "cache": cache, "iterations": 8, "similarity_map": True}
    result = register(fixed, moving, **settings, network=DISANet().eval())
    assert result.quality["similarity"]["after"] > result.quality["similarity"]["before"]
    assert result.similarity_map is not None
    assert any(tmp_path.rglob("*.safetensors")) == cache


def test_search_finds_a_shift_and_its_plan_bounds_memory() -> None:
    generator = torch.Generator().manual_seed(0)
    moving = torch.randn(1, 6, 22, 24, 20, generator=generator)
    plan = plan_search((12, 14, 10), 4.0, 20.0)
    assert (plan.factor, plan.radius, plan.margin_cells) == (1, 5, 5)
    fixed = moving[:, :, 5 + 3 : 17 + 3, 5 - 2 : 19 - 2, 5:15]
    field = search_displacements(fixed, moving, torch.ones(12, 14, 10), plan, 1.0, NullReporter())
    torch.testing.assert_close(field[0].mean(dim=(1, 2, 3)), torch.tensor([3.0, -2.0, 0.0]), atol=0.05, rtol=0)
    large = plan_search((200, 200, 200), 2.0, 20.0)
    assert large.factor > 1
    assert (200 / large.factor) ** 3 * (2 * large.radius + 1) ** 3 <= 1.7e8
    flat = plan_search((300, 300, 1), 1.0, 10.0)
    assert flat.factor == 1


def test_exponential_of_the_negative_is_the_inverse() -> None:
    generator = torch.Generator().manual_seed(0)
    coarse = 2.0 * torch.randn(1, 3, 4, 5, 4, generator=generator)
    velocity = torch.nn.functional.interpolate(coarse, size=(20, 24, 18), mode="trilinear", align_corners=True)
    forward, backward = exponentiate(velocity), exponentiate(-velocity)
    rest = (forward + sample_at(backward, forward))[:, :, 5:-5, 5:-5, 5:-5]
    assert forward.abs().max() > 1.5
    assert rest.abs().mean() < 0.1
