"""The trainer of the lung model: U-Mamba Bot, with augmentation that never swaps left and right."""

from __future__ import annotations

from typing import Any

import numpy as np

from mambamed.segmentation.trainers.umamba_bot import nnUNetTrainerUMambaBot

__all__ = ["nnUNetTrainerUMambaBotLungs"]

_LARGEST_TURN = np.radians(15.0)


class nnUNetTrainerUMambaBotLungs(nnUNetTrainerUMambaBot):  # noqa: N801 (nnU-Net's naming)
    """nnU-Net's augmentation (turned, scaled, noisy, blurred, other contrast) without mirroring, turned by 15 degrees.

    The left lung is the one on the patient's left: a mirrored patch would teach the opposite.
    """

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, bool, Any, Any]:  # noqa: N802
        """As nnU-Net decides, but for the angle and the mirroring."""
        _, flat, patch_size, _ = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        self.inference_allowed_mirroring_axes = None
        return (-_LARGEST_TURN, _LARGEST_TURN), flat, patch_size, None
