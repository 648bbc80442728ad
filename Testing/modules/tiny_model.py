"""A model folder of nnU-Net's form with a tiny network and random weights, for tests of what surrounds a prediction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["write_tiny_model"]


def write_tiny_model(
    folder: Path,
    channels: Sequence[str] = ("T1",),
    labels: Sequence[str] = ("inner", "outer"),
    folds: Sequence[str] = ("0",),
    spacing_mm: float = 3.0,
    patch_size: int = 16,
) -> Path:
    """Write plans, data set description and one checkpoint per fold; return the folder.

    Args:
        folder: Where to; made if it does not exist.
        channels: Names of the input channels.
        labels: Names of the labels 1, 2, ...
        folds: Names of the folds; each has other weights.
        spacing_mm: Spacing that the model works at.
        patch_size: Edge of its window in voxels.
    """
    import torch
    from mambamed.segmentation.networks import build_network

    folder.mkdir(parents=True, exist_ok=True)
    plans = _plans(len(channels), spacing_mm, patch_size)
    dataset = {
        "channel_names": {str(index): name for index, name in enumerate(channels)},
        "labels": {"background": 0, **{name: value for value, name in enumerate(labels, start=1)}},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    for number, fold in enumerate(folds):
        torch.manual_seed(number)
        configuration = plans["configurations"]["3d_fullres"]
        network = build_network("nnUNetTrainer", configuration, len(channels), len(labels) + 1)
        (folder / f"fold_{fold}").mkdir(exist_ok=True)
        checkpoint = {
            "network_weights": network.state_dict(),
            "trainer_name": "nnUNetTrainer",
            "init_args": {"configuration": "3d_fullres", "fold": fold},
            "inference_allowed_mirroring_axes": (0, 1, 2),
        }
        torch.save(checkpoint, folder / f"fold_{fold}" / "checkpoint_final.pth")
    return folder


def _plans(channel_count: int, spacing_mm: float, patch_size: int) -> dict[str, Any]:
    stages = 2
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": [4, 8],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * stages,
            "strides": [[1, 1, 1], [2, 2, 2]],
            "n_conv_per_stage": [1] * stages,
            "n_conv_per_stage_decoder": [1] * (stages - 1),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    resample = "resample_data_or_seg_to_shape"
    as_image = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    as_labels = {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": "Dataset998_Tiny",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [spacing_mm] * 3,
        "original_median_shape_after_transp": [48] * 3,
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": [patch_size] * 3,
                "median_image_size_in_voxels": [48.0] * 3,
                "spacing": [spacing_mm] * 3,
                "normalization_schemes": ["ZScoreNormalization"] * channel_count,
                "use_mask_for_norm": [False] * channel_count,
                "resampling_fn_data": resample,
                "resampling_fn_seg": resample,
                "resampling_fn_probabilities": resample,
                "resampling_fn_data_kwargs": as_image,
                "resampling_fn_seg_kwargs": as_labels,
                "resampling_fn_probabilities_kwargs": as_image,
                "batch_dice": False,
                "architecture": architecture,
            }
        },
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            str(channel): {
                "max": 1.0,
                "mean": 0.0,
                "median": 0.0,
                "min": -1.0,
                "percentile_00_5": -1.0,
                "percentile_99_5": 1.0,
                "std": 1.0,
            }
            for channel in range(channel_count)
        },
    }
