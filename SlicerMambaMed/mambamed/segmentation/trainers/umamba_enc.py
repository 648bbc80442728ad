"""The trainers of U-Mamba Enc under the names that its authors gave them."""

from __future__ import annotations

from typing import Any

from torch import nn

from mambamed.segmentation.networks import build_network
from mambamed.segmentation.trainers.controlled import ControlledTrainer

__all__ = ["nnUNetTrainerUMambaEnc", "nnUNetTrainerUMambaEncNoAMP"]


class nnUNetTrainerUMambaEnc(ControlledTrainer):  # noqa: N801 (the name in checkpoints)
    """Trains U-Mamba Enc, 2D or 3D after the plan (Ma, Li and Wang, 2024)."""

    @staticmethod
    def build_network_architecture(
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """Build the network of the plan's stages, kernels, strides and patch size."""
        return build_network(
            "UMambaEnc", configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision
        )


class nnUNetTrainerUMambaEncNoAMP(nnUNetTrainerUMambaEnc):  # noqa: N801 (the name in checkpoints)
    """The same in float32 throughout, for data on which mixed precision gives NaN."""

    full_precision = True
