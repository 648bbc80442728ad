from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mambamed.segmentation.brain_recipe.classes import TISSUE_OF_CLASS
from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.classes import Tissue
from mambamed.segmentation.brain_recipe.contrast import SEQUENCES
from mambamed.segmentation.brain_recipe.contrast import ContrastDraw
from mambamed.segmentation.brain_recipe.contrast import draw_contrast
from mambamed.segmentation.brain_recipe.contrast import paint
from mambamed.segmentation.brain_recipe.skull_strip import Stripping

SHAPE = (18, 21, 16)


@pytest.fixture
def anatomy() -> torch.Tensor:
    """Nested boxes: air, bone, fluid, cortex, white matter with a ventricle."""
    classes = torch.full(SHAPE, int(AnatomyClass.AIR), dtype=torch.uint8)
    for margin, part in (
        (1, AnatomyClass.COMPACT_BONE),
        (2, AnatomyClass.SUBARACHNOID_CSF),
        (3, AnatomyClass.CORTEX),
        (5, AnatomyClass.CEREBRAL_WHITE),
    ):
        classes[margin:-margin, margin:-margin, margin:-margin] = int(part)
    classes[8:10, 8:12, 7:9] = int(AnatomyClass.VENTRICLES)
    return classes


@pytest.fixture
def plain() -> ContrastDraw:
    """A contrast without any degradation."""
    return ContrastDraw(
        seed=1,
        sequence="T1",
        means=SEQUENCES["T1"],
        deviations=(0.0,) * len(AnatomyClass),
        texture=0.0,
        lesion_mean=1.0,
        lesion_fraction=0.0,
        blur_voxels=(0.0, 0.0, 0.0),
        slice_axis=0,
        slice_voxels=1.0,
        coarse_voxels=1.0,
        bias=0.0,
        gamma=1.0,
        noise=0.0,
        rician=False,
        ghost=0.0,
        ghost_axis=0,
        stripping=Stripping.NONE,
        cut_axis=0,
        cut_fraction=0.0,
    )


def test_every_class_has_an_intensity_in_every_sequence() -> None:
    assert all(len(means) == len(AnatomyClass) for means in SEQUENCES.values())


def test_same_draw_gives_same_image(anatomy: torch.Tensor) -> None:
    draw = draw_contrast(np.random.default_rng(3))
    first, second = paint(anatomy, draw), paint(anatomy, draw)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_undegraded_image_keeps_the_order_of_the_sequence(anatomy: torch.Tensor, plain: ContrastDraw) -> None:
    image, tissue = paint(anatomy, plain)
    values = {part: image[anatomy == int(part)] for part in (AnatomyClass.CORTEX, AnatomyClass.CEREBRAL_WHITE)}
    assert values[AnatomyClass.CORTEX].std() == pytest.approx(0.0, abs=1e-5)
    assert values[AnatomyClass.CEREBRAL_WHITE].mean() > values[AnatomyClass.CORTEX].mean()
    assert image.mean() == pytest.approx(0.0, abs=1e-4)
    assert image.std() == pytest.approx(1.0, abs=1e-4)
    assert np.array_equal(tissue.numpy(), TISSUE_OF_CLASS[anatomy.numpy()])


@pytest.mark.parametrize("seed", range(12))
def test_random_images_are_finite_and_aligned_with_their_labels(anatomy: torch.Tensor, seed: int) -> None:
    image, tissue = paint(anatomy, draw_contrast(np.random.default_rng(seed)))
    assert image.shape == tissue.shape == SHAPE
    assert torch.isfinite(image).all()
    truth = TISSUE_OF_CLASS[anatomy.numpy()]
    shown = tissue.numpy() > 0
    assert np.array_equal(tissue.numpy()[shown], truth[shown])


def test_stripping_removes_image_and_label_alike(anatomy: torch.Tensor, plain: ContrastDraw) -> None:
    image, tissue = paint(anatomy, replace(plain, stripping=Stripping.TIGHT))
    outside = (anatomy == int(AnatomyClass.SUBARACHNOID_CSF)) | (anatomy == int(AnatomyClass.COMPACT_BONE))
    assert (tissue[outside] == int(Tissue.BACKGROUND)).all()
    assert image[outside].unique().numel() == 1
    assert (tissue[anatomy == int(AnatomyClass.CORTEX)] == int(Tissue.GREY_MATTER)).all()


def test_cut_field_of_view_has_no_labels(anatomy: torch.Tensor, plain: ContrastDraw) -> None:
    _, tissue = paint(anatomy, replace(plain, cut_axis=1, cut_fraction=0.5))
    assert (tissue[:, 11:] == 0).all()
    assert (tissue[:, :10] > 0).any()
    _, tissue = paint(anatomy, replace(plain, cut_axis=1, cut_fraction=-0.5))
    assert (tissue[:, :10] == 0).all()


def test_lesions_change_white_matter_only_and_keep_its_label(anatomy: torch.Tensor, plain: ContrastDraw) -> None:
    healthy, tissue = paint(anatomy, plain)
    ill, tissue_ill = paint(anatomy, replace(plain, lesion_fraction=0.2, lesion_mean=0.0))
    white = anatomy == int(AnatomyClass.CEREBRAL_WHITE)
    assert ill[white].unique().numel() == 2
    assert healthy[white].unique().numel() == 1
    assert torch.equal(tissue, tissue_ill)


def test_free_contrasts_tell_the_tissues_apart() -> None:
    random = np.random.default_rng(0)
    free = [draw for draw in (draw_contrast(random) for _ in range(200)) if draw.sequence == "free"]
    assert len(free) > 20
    for draw in free:
        grey, white, fluid = (
            np.mean([draw.means[part] for part in parts])
            for parts in (
                (AnatomyClass.CORTEX, AnatomyClass.DEEP_GREY, AnatomyClass.CEREBELLAR_GREY),
                (AnatomyClass.CEREBRAL_WHITE, AnatomyClass.BRAIN_STEM),
                (AnatomyClass.VENTRICLES, AnatomyClass.SULCAL_CSF, AnatomyClass.SUBARACHNOID_CSF),
            )
        )
        assert len({round(float(v), 6) for v in (grey, white, fluid)}) == 3
