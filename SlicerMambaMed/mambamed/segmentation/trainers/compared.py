"""The trainers of the networks that U-Mamba is compared with, under the names that its authors gave them."""

from __future__ import annotations

from typing import Any

from torch import nn

from mambamed.segmentation.networks import build_network
from mambamed.segmentation.trainers.controlled import ControlledTrainer

__all__ = ["nnUNetTrainerSegResNet", "nnUNetTrainerSwinUNETR", "nnUNetTrainerUNETR"]


class _ComparedTrainer(ControlledTrainer):
    """Trains the network that the plan names, at full resolution only."""

    supervises_deeply = False

    @staticmethod
    def build_network_architecture(
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = False,
    ) -> nn.Module:
        """Build the network of the plan."""
        return build_network("plans", configuration_manager, num_input_channels, num_output_channels)


class nnUNetTrainerSegResNet(_ComparedTrainer):  # noqa: N801 (the name in checkpoints)
    """Trains SegResNet (Myronenko, 2018)."""


class nnUNetTrainerUNETR(_ComparedTrainer):  # noqa: N801 (the name in checkpoints)
    """Trains UNETR (Hatamizadeh et al., 2021)."""


class nnUNetTrainerSwinUNETR(_ComparedTrainer):  # noqa: N801 (the name in checkpoints)
    """Trains SwinUNETR (Hatamizadeh et al., 2022)."""
