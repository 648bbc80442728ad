"""The trainer of the brain tissue model: U-Mamba Bot on synthetic heads that get a fresh contrast in every batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform

from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.contrast import draw_contrast
from mambamed.segmentation.brain_recipe.contrast import paint
from mambamed.segmentation.brain_recipe.skull_strip import Stripping
from mambamed.segmentation.trainers.umamba_bot import nnUNetTrainerUMambaBot

__all__ = ["PaintContrast", "nnUNetTrainerUMambaBotBrainTissue"]

_MOVED_SHARE = 0.4
_LARGEST_MOVE = 0.7
_SNUG_SHARE = 0.6


class PaintContrast(BasicTransform):
    """Replace the anatomical classes in the image channel by a random MR contrast, and the labels by its tissues.

    Half of the patches are mirrored left to right first, and some are moved so that air fills a part of them, as it
    fills windows at the edge of a large field of view. Where the skull is stripped, the brain often touches the sides
    of the patch: nnU-Net crops an image to its values other than zero, so that a stripped brain fills it to the border.
    """

    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
        """Paint (1, Z, Y, X) classes; the global NumPy state gives the seed, so that loader processes differ."""
        random = np.random.default_rng(np.random.randint(2**31))
        anatomy = data_dict["image"][0].round().to(torch.uint8)
        if random.random() < 0.5:
            anatomy = anatomy.flip(-1)
        if random.random() < _MOVED_SHARE:
            for axis, length in enumerate(anatomy.shape):
                anatomy = moved(anatomy, axis, round(length * random.uniform(-_LARGEST_MOVE, _LARGEST_MOVE)))
        draw = draw_contrast(random)
        if draw.stripping is not Stripping.NONE and random.random() < _SNUG_SHARE:
            anatomy = snug(anatomy, random)
        image, tissue = paint(anatomy, draw)
        data_dict["image"] = image[None]
        data_dict["segmentation"] = tissue[None]
        return data_dict


def moved(anatomy: torch.Tensor, axis: int, voxels: int) -> torch.Tensor:
    """Return (Z, Y, X) classes moved along an axis, with air where nothing was."""
    result = torch.zeros_like(anatomy)
    kept = anatomy.shape[axis] - abs(voxels)
    target = result.narrow(axis, max(0, voxels), kept)
    target.copy_(anatomy.narrow(axis, max(0, -voxels), kept))
    return result


def snug(anatomy: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Return (Z, Y, X) classes moved so that along each axis the brain begins or ends at the side of the patch."""
    for axis in range(anatomy.dim()):
        brain = (anatomy >= AnatomyClass.CORTEX) & (anatomy <= AnatomyClass.SULCAL_CSF)
        others = [other for other in range(anatomy.dim()) if other != axis]
        places = torch.nonzero(brain.any(dim=others[1]).any(dim=others[0])).flatten()
        if len(places) == 0:
            return anatomy
        to_start, to_end = -int(places[0]), anatomy.shape[axis] - 1 - int(places[-1])
        anatomy = moved(anatomy, axis, to_start if random.random() < 0.5 else to_end)
    return anatomy


class nnUNetTrainerUMambaBotBrainTissue(nnUNetTrainerUMambaBot):  # noqa: N801 (nnU-Net's naming)
    """Trains on a data set whose image channel holds ``AnatomyClass`` values (see ``brain_recipe.dataset``)."""

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, bool, Any, tuple[int, ...]]:  # noqa: N802
        """No spatial augmentation on the fly: the heads are already bent, turned and scaled."""
        self.inference_allowed_mirroring_axes = (2,)
        return (0.0, 0.0), False, self.configuration_manager.patch_size, (2,)

    @staticmethod
    def get_training_transforms(
        patch_size: Any, rotation_for_DA: Any, deep_supervision_scales: Any, *args: Any, **kwargs: Any
    ) -> BasicTransform:
        """Paint, then provide the target at every resolution."""
        return _transforms(deep_supervision_scales)

    @staticmethod
    def get_validation_transforms(deep_supervision_scales: Any, *args: Any, **kwargs: Any) -> BasicTransform:
        """Paint as in training: every validation patch has a contrast never seen before."""
        return _transforms(deep_supervision_scales)


def _transforms(deep_supervision_scales: Any) -> BasicTransform:
    transforms: list[BasicTransform] = [PaintContrast()]
    if deep_supervision_scales is not None:
        transforms.append(DownsampleSegForDSTransform(ds_scales=deep_supervision_scales))
    return ComposeTransforms(transforms)
