"""The trainer of U-Mamba Bot under the name that its authors gave it."""

from __future__ import annotations

from typing import Any

from torch import nn

from mambamed.segmentation.networks import build_network
from mambamed.segmentation.trainers.controlled import ControlledTrainer

__all__ = ["nnUNetTrainerUMambaBot"]


class nnUNetTrainerUMambaBot(ControlledTrainer):  # noqa: N801 (the name in checkpoints)
    """Trains U-Mamba Bot, 2D or 3D after the plan (Ma, Li and Wang, 2024)."""

    @staticmethod
    def build_network_architecture(
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """Build the network of the plan's stages, kernels and strides."""
        return build_network(
            "UMambaBot", configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision
        )
