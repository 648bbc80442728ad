"""The networks that can be trained, each with its plan, its trainer's name and its optimiser; standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ARCHITECTURES", "ArchitectureChoice", "architecture_choice", "plan_for_architecture"]

_COMPARED = "mambamed.segmentation.networks.compared"
_NNUNET_PLANNER = "ExperimentPlanner"
_NNUNET_PLANS = "nnUNetPlans"


@dataclass(frozen=True)
class ArchitectureChoice:
    """One network of ``--architecture``.

    The optimisers are those that the networks' authors suggest, which is what the U-Mamba paper (section 3) trained
    with: SGD for the nnU-Net family, Adam for SegResNet (Myronenko, 2018), AdamW for UNETR and SwinUNETR (Hatamizadeh
    et al., 2021 and 2022).

    Attributes:
        title: Its name in the literature.
        trainer: Class name in checkpoints and folders.
        trainer_module: Its file in ``mambamed/segmentation/trainers``.
        planner: nnU-Net's planner.
        planned_as: Name of the plans that the planner writes.
        plans: Name of the plans that the training uses; another one where the plan names another network.
        network_class: Import path of the network that the plan names; empty where the planner's own stays.
        patch_divisor: Each side of the patch must be a multiple of this; 1 where nnU-Net's planner sees to it.
        optimizer: ``sgd``, ``adam`` or ``adamw``.
        learning_rate: At the start.
        weight_decay: Of the optimiser.
        deep_supervision: Whether every resolution of the decoder is trained.
    """

    title: str
    trainer: str
    trainer_module: str
    planner: str = _NNUNET_PLANNER
    planned_as: str = _NNUNET_PLANS
    plans: str = _NNUNET_PLANS
    network_class: str = ""
    patch_divisor: int = 1
    optimizer: str = "sgd"
    learning_rate: float = 1e-2
    weight_decay: float = 3e-5
    deep_supervision: bool = True


def _residual_encoder(size: str) -> ArchitectureChoice:
    plans = f"nnUNetResEncUNet{size}Plans"
    return ArchitectureChoice(
        f"nnU-Net residual encoder {size}",
        "nnUNetTrainer",
        "planned",
        planner=f"nnUNetPlannerResEnc{size}",
        planned_as=plans,
        plans=plans,
    )


def _compared(
    title: str, divisor: int, optimizer: str, learning_rate: float, weight_decay: float
) -> ArchitectureChoice:
    return ArchitectureChoice(
        title,
        f"nnUNetTrainer{title}",
        "compared",
        plans=f"nnUNet{title}Plans",
        network_class=f"{_COMPARED}.{title}",
        patch_divisor=divisor,
        optimizer=optimizer,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        deep_supervision=False,
    )


ARCHITECTURES: dict[str, ArchitectureChoice] = {
    "umamba-bot": ArchitectureChoice("U-Mamba Bot", "nnUNetTrainerUMambaBot", "umamba_bot"),
    "umamba-enc": ArchitectureChoice("U-Mamba Enc", "nnUNetTrainerUMambaEnc", "umamba_enc"),
    "plain": ArchitectureChoice("nnU-Net", "nnUNetTrainer", "planned"),
    "resenc": _residual_encoder("M"),
    "resenc-l": _residual_encoder("L"),
    "resenc-xl": _residual_encoder("XL"),
    "segresnet": _compared("SegResNet", 8, "adam", 1e-4, 1e-5),
    "unetr": _compared("UNETR", 16, "adamw", 1e-4, 1e-2),
    "swinunetr": _compared("SwinUNETR", 32, "adamw", 8e-4, 1e-2),
}
"""Networks by the name that ``--architecture`` takes."""


def architecture_choice(name: str, precision: str = "auto") -> ArchitectureChoice:
    """Return the network called ``name``; U-Mamba Enc in float32 has a trainer of its own, as its authors have it."""
    choice = ARCHITECTURES[name]
    if name == "umamba-enc" and precision == "float32":
        return ArchitectureChoice(choice.title, f"{choice.trainer}NoAMP", choice.trainer_module)
    return choice


def plan_for_architecture(plans: dict[str, Any], name: str) -> dict[str, Any]:
    """Return nnU-Net's plans with the network of ``name`` in them, where that is one of the compared networks.

    Patch sides are rounded up to what the network needs, batch size and spacing stay as planned. The preprocessed data
    are those of nnU-Net's own plans (``data_identifier`` is kept), so several networks share them.

    Args:
        plans: What nnU-Net's planner wrote; it is not changed.
        name: A key of ``ARCHITECTURES``.
    """
    choice = ARCHITECTURES[name]
    if not choice.network_class:
        return plans
    changed = {**plans, "plans_name": choice.plans, "configurations": {}}
    for configuration, planned in plans["configurations"].items():
        values = dict(planned)
        if "patch_size" in values:
            values["patch_size"] = _rounded_up([int(side) for side in values["patch_size"]], choice.patch_divisor)
            values["architecture"] = _architecture_block(choice, values["patch_size"])
        changed["configurations"][configuration] = values
    return changed


def _rounded_up(patch_size: list[int], divisor: int) -> list[int]:
    """Return the sides as multiples of the divisor, with two voxels or more at the bottleneck for its norms."""
    rounded = [-(-side // divisor) * divisor for side in patch_size]
    if all(side == divisor for side in rounded):
        rounded[patch_size.index(max(patch_size))] *= 2
    return rounded


def _architecture_block(choice: ArchitectureChoice, patch_size: list[int]) -> dict[str, Any]:
    """Describe a compared network in the words of nnU-Net's plans: stages, features, kernels and strides."""
    title = choice.title
    extra: dict[str, Any] = {}
    if title == "SegResNet":
        # Myronenko (2018): 32 filters, 1, 2, 2 and 4 blocks on the way down, one on each step up.
        features, blocks, blocks_up = [32, 64, 128, 256], [1, 2, 2, 4], [1, 1, 1]
        extra["dropout"] = 0.2
    elif title == "UNETR":
        # ViT-B/16: 12 layers, 768 wide; decoder features 16 to 128.
        features, blocks, blocks_up = [16, 32, 64, 128, 768], [1, 1, 1, 1, 12], [1, 1, 1, 1]
        extra["patch_size"] = patch_size
    else:
        features, blocks, blocks_up = [48, 48, 96, 192, 384, 768], [1, 1, 2, 2, 2, 2], [1, 1, 1, 1, 1]
    dimension, stages = len(patch_size), len(features)
    return {
        "network_class_name": choice.network_class,
        "arch_kwargs": {
            "dimension": dimension,
            "n_stages": stages,
            "features_per_stage": features,
            "kernel_sizes": [[3] * dimension] * stages,
            "strides": [[1] * dimension] + [[2] * dimension] * (stages - 1),
            "n_conv_per_stage": blocks,
            "n_conv_per_stage_decoder": blocks_up,
            **extra,
        },
        "_kw_requires_import": [],
    }
