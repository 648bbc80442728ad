from __future__ import annotations

import numpy as np
import pytest
import torch
from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.trainers.brain_tissue import PaintContrast
from mambamed.segmentation.trainers.brain_tissue import moved
from mambamed.segmentation.trainers.brain_tissue import snug

SHAPE = (9, 12, 10)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("voxels", [-3, 0, 4])
def test_moved_classes_leave_air_behind(axis: int, voxels: int) -> None:
    anatomy = torch.randint(1, 20, SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    result = moved(anatomy, axis, voxels)
    expected = np.roll(anatomy.numpy(), voxels, axis)
    index: list[slice] = [slice(None)] * 3
    index[axis] = slice(0, voxels) if voxels > 0 else slice(SHAPE[axis] + voxels, SHAPE[axis])
    expected[tuple(index)] = int(AnatomyClass.AIR)
    assert np.array_equal(result.numpy(), expected)


def test_painting_turns_classes_into_image_and_tissues() -> None:
    classes = torch.zeros(SHAPE)
    classes[2:7, 2:9, 2:8] = float(AnatomyClass.CORTEX)
    np.random.seed(4)
    painted = [
        PaintContrast()(image=classes[None].clone(), segmentation=torch.zeros((1, *SHAPE), dtype=torch.int16))
        for _ in range(6)
    ]
    for result in painted:
        assert result["image"].shape == result["segmentation"].shape == (1, *SHAPE)
        assert torch.isfinite(result["image"]).all()
        assert set(result["segmentation"].unique().tolist()) <= {0, 1}
    assert len({float(result["image"].max()) for result in painted}) == len(painted), "every patch has its own contrast"


def test_painting_is_repeatable_from_the_global_seed() -> None:
    classes = torch.full((1, *SHAPE), float(AnatomyClass.CEREBRAL_WHITE))
    results = []
    for _ in range(2):
        np.random.seed(9)
        results.append(PaintContrast()(image=classes.clone(), segmentation=torch.zeros((1, *SHAPE)))["image"])
    assert torch.equal(results[0], results[1])


def test_a_snug_brain_touches_a_side_along_each_axis_and_loses_nothing() -> None:
    anatomy = torch.zeros((9, 11, 13), dtype=torch.uint8)
    anatomy[3:6, 4:8, 5:9] = int(AnatomyClass.CORTEX)
    anatomy[4, 5, 6] = int(AnatomyClass.SULCAL_CSF)
    for seed in range(8):
        result = snug(anatomy, np.random.default_rng(seed))
        assert sorted(result.flatten().tolist()) == sorted(anatomy.flatten().tolist())
        places = torch.nonzero(result)
        for axis, length in enumerate(anatomy.shape):
            first, last = int(places[:, axis].min()), int(places[:, axis].max())
            assert first == 0 or last == length - 1


def test_a_patch_without_brain_stays_as_it_is() -> None:
    anatomy = torch.full((4, 5, 6), int(AnatomyClass.FAT), dtype=torch.uint8)
    assert torch.equal(snug(anatomy, np.random.default_rng(0)), anatomy)
