from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine.segmentation.brain_recipe.ball_template import ball_template
from mambamed.segmentation.brain_recipe.anatomy import AnatomyDraw
from mambamed.segmentation.brain_recipe.anatomy import build_anatomy
from mambamed.segmentation.brain_recipe.anatomy import draw_anatomy
from mambamed.segmentation.brain_recipe.anatomy import smooth_noise
from mambamed.segmentation.brain_recipe.classes import TISSUE_OF_CLASS
from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.classes import Tissue
from mambamed.segmentation.brain_recipe.template import Template

SHAPE = (26, 30, 24)
SPACING_MM = 6.0


@pytest.fixture(scope="module")
def template() -> Template:
    return ball_template()


@pytest.fixture
def still() -> AnatomyDraw:
    """No deformation."""
    return AnatomyDraw(
        seed=0,
        rotation_deg=(0.0, 0.0, 0.0),
        scale=(1.0, 1.0, 1.0),
        shear=(0.0, 0.0, 0.0),
        shift_mm=(-14.0, -4.0, 0.0),
        warp_mm=(0.0, 0.0, 0.0),
        ventricle_growth_mm=0.0,
        sulcal_log_weight=0.0,
        white_log_weight=0.0,
        subarachnoid_mm=3.0,
        dura_mm=1.0,
        skull_mm=6.0,
        fat_mm=5.0,
        skin_mm=3.0,
        face_height_mm=0.0,
        mirrored=False,
    )


def volume_ml(anatomy: np.ndarray, *parts: AnatomyClass) -> float:
    return float(np.isin(anatomy, [int(part) for part in parts]).sum()) * SPACING_MM**3 / 1000.0


def test_undeformed_head_has_the_volumes_of_the_template(template: Template, still: AnatomyDraw) -> None:
    anatomy = build_anatomy(template, still, SHAPE, SPACING_MM)
    ball = 4.0 / 3.0 * np.pi / 1000.0
    assert volume_ml(anatomy, AnatomyClass.CEREBRAL_WHITE) == pytest.approx(ball * (40**3 - 12**3), rel=0.1)
    assert volume_ml(anatomy, AnatomyClass.CORTEX) == pytest.approx(ball * (55**3 - 40**3), rel=0.1)


def test_layers_follow_each_other_outwards(template: Template, still: AnatomyDraw) -> None:
    anatomy = build_anatomy(template, replace(still, subarachnoid_mm=8.0, dura_mm=0.0), SHAPE, SPACING_MM)
    upwards = anatomy[SHAPE[0] // 2 :, SHAPE[1] // 2, SHAPE[2] // 2]
    order = list(dict.fromkeys(upwards.tolist()))
    expected = [AnatomyClass.VENTRICLES, AnatomyClass.CEREBRAL_WHITE, AnatomyClass.CORTEX]
    assert order[:3] == [int(part) for part in expected]
    assert order[3] == int(AnatomyClass.SUBARACHNOID_CSF)
    assert anatomy[-1, 0, 0] == int(AnatomyClass.AIR)
    assert {int(AnatomyClass.COMPACT_BONE), int(AnatomyClass.FAT)} & set(order)


def test_growth_widens_the_ventricles_and_scale_the_brain(template: Template, still: AnatomyDraw) -> None:
    before = build_anatomy(template, still, SHAPE, SPACING_MM)
    grown = build_anatomy(template, replace(still, ventricle_growth_mm=8.0), SHAPE, SPACING_MM)
    assert volume_ml(grown, AnatomyClass.VENTRICLES) > 1.5 * volume_ml(before, AnatomyClass.VENTRICLES)
    small = build_anatomy(template, replace(still, scale=(0.8, 0.8, 0.8)), SHAPE, SPACING_MM)
    brain = (AnatomyClass.CORTEX, AnatomyClass.CEREBRAL_WHITE, AnatomyClass.VENTRICLES)
    assert volume_ml(small, *brain) == pytest.approx(0.8**3 * volume_ml(before, *brain), rel=0.1)


def test_same_draw_gives_same_head_and_mirrored_is_its_mirror_image(template: Template, still: AnatomyDraw) -> None:
    draw = replace(still, rotation_deg=(10.0, 5.0, -8.0), warp_mm=(0.0, 0.0, 0.0))
    head = build_anatomy(template, draw, SHAPE, SPACING_MM)
    assert np.array_equal(head, build_anatomy(template, draw, SHAPE, SPACING_MM))
    mirrored = build_anatomy(template, replace(draw, mirrored=True), SHAPE, SPACING_MM)
    tissue, tissue_mirrored = TISSUE_OF_CLASS[head], TISSUE_OF_CLASS[mirrored]
    fluid = int(Tissue.CSF)  # the layers around the brain carry noise that is not mirrored
    same = (tissue == tissue_mirrored[:, :, ::-1]) | (tissue == fluid) | (tissue_mirrored[:, :, ::-1] == fluid)
    assert same.mean() > 0.98


def test_random_heads_hold_all_tissues(template: Template) -> None:
    random = np.random.default_rng(5)
    for _ in range(3):
        anatomy = build_anatomy(template, draw_anatomy(random), SHAPE, SPACING_MM)
        assert anatomy.dtype == np.uint8
        assert set(np.unique(TISSUE_OF_CLASS[anatomy])) == {0, 1, 2, 3}
        assert anatomy.max() < len(AnatomyClass)


def test_draws_depend_on_the_seed_alone() -> None:
    assert draw_anatomy(np.random.default_rng([152, 7])) == draw_anatomy(np.random.default_rng([152, 7]))
    assert draw_anatomy(np.random.default_rng([152, 7])) != draw_anatomy(np.random.default_rng([152, 8]))


def test_smooth_noise_reaches_its_knots() -> None:
    noise = smooth_noise((5, 7, 9), (5, 7, 9), 2, torch.Generator().manual_seed(3))
    expected = torch.randn((1, 2, 5, 7, 9), generator=torch.Generator().manual_seed(3))[0]
    assert torch.allclose(noise, expected, atol=1e-6)
