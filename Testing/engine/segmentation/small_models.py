"""Tiny trained folders with random weights, made as nnU-Net v2 and U-Mamba would write them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mambamed.segmentation.networks import build_network
from torch import nn

STANDARD_RESAMPLING = {
    "resampling_fn_data": "resample_data_or_seg_to_shape",
    "resampling_fn_seg": "resample_data_or_seg_to_shape",
    "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
    "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
    "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
    "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None},
}


def make_plans(
    patch_size: Sequence[int] = (16, 24, 20),
    spacing: Sequence[float] = (1.5, 1.0, 1.2),
    channels: int = 1,
    normalization: str = "ZScoreNormalization",
    old_format: bool = False,
    residual: bool = False,
    transpose: Sequence[int] = (0, 1, 2),
    reader: str = "SimpleITKIO",
    use_mask: bool = False,
    features: int = 4,
) -> tuple[dict[str, Any], str]:
    """Plans with one configuration of three stages, in the layout of nnunetv2 2.1 or 2.8, and its name."""
    dimension = len(patch_size)
    name = "3d_fullres" if dimension == 3 else "2d"
    strides = [[1] * dimension, [2] * dimension, [2] * dimension]
    configuration: dict[str, Any] = {
        "data_identifier": f"nnUNetPlans_{name}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(patch_size),
        "median_image_size_in_voxels": [float(length) for length in patch_size],
        "spacing": list(spacing),
        "normalization_schemes": [normalization] * channels,
        "use_mask_for_norm": [use_mask] * channels,
        "batch_dice": False,
        **copy.deepcopy(STANDARD_RESAMPLING),
    }
    kernels = [[3] * dimension] * 3
    if old_format:
        configuration |= {
            "UNet_class_name": "PlainConvUNet",
            "UNet_base_num_features": features,
            "n_conv_per_stage_encoder": [2, 2, 2],
            "n_conv_per_stage_decoder": [2, 2],
            "num_pool_per_axis": [2] * dimension,
            "pool_op_kernel_sizes": strides,
            "conv_kernel_sizes": kernels,
            "unet_max_num_features": 4 * features,
        }
    else:
        kind = "ResidualEncoderUNet" if residual else "PlainConvUNet"
        configuration["architecture"] = {
            "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
            "arch_kwargs": {
                "n_stages": 3,
                "features_per_stage": [features, 2 * features, 4 * features],
                "conv_op": f"torch.nn.modules.conv.Conv{dimension}d",
                "kernel_sizes": kernels,
                "strides": strides,
                ("n_blocks_per_stage" if residual else "n_conv_per_stage"): [2, 2, 2],
                "n_conv_per_stage_decoder": [1, 1] if residual else [2, 2],
                "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimension}d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        }
    intensities = {"mean": 350.0, "median": 340.0, "std": 260.0, "min": 0.0, "max": 1000.0}
    intensities |= {"percentile_00_5": 20.0, "percentile_99_5": 900.0}
    plans = {
        "dataset_name": "Dataset999_Small",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": list(spacing) if dimension == 3 else [999.0, *spacing],
        "original_median_shape_after_transp": list(patch_size) if dimension == 3 else [1, *patch_size],
        "image_reader_writer": reader,
        "transpose_forward": list(transpose),
        "transpose_backward": [list(transpose).index(axis) for axis in range(3)],
        "configurations": {name: configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(number): intensities for number in range(channels)},
    }
    return plans, name


def make_dataset(
    channels: int = 1, labels: dict[str, Any] | None = None, order: list[int] | None = None, **more: Any
) -> dict[str, Any]:
    dataset: dict[str, Any] = {
        "channel_names": {str(number): f"channel{number}" for number in range(channels)},
        "labels": labels or {"background": 0, "one": 1, "two": 2, "three": 3},
        "numTraining": 1,
        "file_ending": ".nii.gz",
        **more,
    }
    if order is not None:
        dataset["regions_class_order"] = order
    return dataset


def count_heads(dataset: dict[str, Any]) -> int:
    if "regions_class_order" in dataset:
        return len(dataset["regions_class_order"])
    return len([name for name in dataset["labels"] if name != "ignore"])


def randomise(network: nn.Module, seed: int) -> None:
    """Give every parameter its own random value, and the output a balance in which all classes occur."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "mamba_layer" in name or ".mamba." in name:
                # Their own initial values keep the recurrence stable; a little noise makes each one matter.
                parameter.add_(0.05 * noise)
            elif parameter.dim() > 1:
                fan_in = parameter[0].numel()
                parameter.copy_(noise * (2.0 / fan_in) ** 0.5)
            elif name.endswith("weight"):
                parameter.copy_(1.0 + 0.2 * noise)
            else:
                parameter.add_(0.1 * noise)


def write_model(
    folder: Path,
    plans: dict[str, Any],
    configuration: str,
    dataset: dict[str, Any],
    trainer: str = "nnUNetTrainer",
    folds: Sequence[str] = ("0",),
    channels: int = 1,
    seed: int = 0,
) -> Path:
    """Write a result folder and return it."""
    target = folder / f"{trainer}__nnUNetPlans__{configuration}"
    target.mkdir(parents=True)
    (target / "plans.json").write_text(json.dumps(plans))
    (target / "dataset.json").write_text(json.dumps(dataset))
    dimension = len(plans["configurations"][configuration]["patch_size"])
    for number, fold in enumerate(folds):
        # With deep supervision, as in training, so that every head of the checkpoint is there.
        network = build_network(
            trainer, plans["configurations"][configuration], channels, count_heads(dataset), deep_supervision=True
        )
        randomise(network, seed + number)
        (target / f"fold_{fold}").mkdir()
        torch.save(
            {
                "network_weights": network.state_dict(),
                "optimizer_state": {},
                "grad_scaler_state": None,
                "logging": {"mean_fg_dice": []},
                "_best_ema": None,
                "current_epoch": 1,
                "init_args": {"plans": plans, "configuration": configuration, "fold": fold, "dataset_json": dataset},
                "trainer_name": trainer,
                "inference_allowed_mirroring_axes": tuple(range(dimension)),
            },
            target / f"fold_{fold}" / "checkpoint_final.pth",
        )
    return target
