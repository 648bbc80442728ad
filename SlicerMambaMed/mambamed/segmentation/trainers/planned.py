"""The trainer for the network that the plan names, under nnU-Net's own name, so that its folders load anywhere."""

from __future__ import annotations

from mambamed.segmentation.trainers.controlled import ControlledTrainer

__all__ = ["nnUNetTrainer"]


class nnUNetTrainer(ControlledTrainer):  # noqa: N801 (the name in checkpoints)
    """Trains nnU-Net's plain or residual-encoder U-Net with our progress, cancel and checks."""
