"""Models of realistic size for the benchmark, with fixed-seed weights, in folders as nnU-Net v2 writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor
from torch import nn

from mambamed.segmentation.networks import build_network

__all__ = ["LABELS", "write_random_model"]

LABELS = {"background": 0, "grey matter": 1, "white matter": 2, "fluid": 3}


def _plans(patch_size: Sequence[int], spacing_mm: Sequence[float], strides: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Plans of a six-stage network of 32 to 320 features, as nnU-Net plans it for an 8 GB graphics card."""
    stages = len(strides)
    resampling = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    kernels = [[3, 3, 3]] * stages
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(patch_size),
        "median_image_size_in_voxels": [float(length) for length in patch_size],
        "spacing": list(spacing_mm),
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "batch_dice": False,
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {**resampling, "order": 3},
        "resampling_fn_seg_kwargs": {**resampling, "is_seg": True, "order": 1},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": stages,
                "features_per_stage": [min(32 * 2**stage, 320) for stage in range(stages)],
                "conv_op": "torch.nn.modules.conv.Conv3d",
                "kernel_sizes": kernels,
                "strides": [list(stride) for stride in strides],
                "n_conv_per_stage": [2] * stages,
                "n_conv_per_stage_decoder": [2] * (stages - 1),
                "conv_bias": True,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }
    return {
        "dataset_name": "Dataset900_Benchmark",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": list(spacing_mm),
        "original_median_shape_after_transp": list(patch_size),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {"mean": 100.0, "std": 50.0, "percentile_00_5": 0.0, "percentile_99_5": 255.0}
        },
    }


def write_random_model(
    folder: Path,
    trainer: str,
    patch_size: Sequence[int],
    spacing_mm: Sequence[float],
    strides: Sequence[Sequence[int]],
    image: sitk.Image,
    labels: sitk.Image,
    seed: int = 0,
) -> Path:
    """Write a model of random features with a read-out fitted to real labels.

    The weights before the last layer are random; the last layer is fitted by ridge regression, so that every label has
    its share of the image and decisions have margins as a trained network's have, at the cost of one window.

    Args:
        folder: Where to write it.
        trainer: ``nnUNetTrainer`` for a plain U-Net, or one of U-Mamba's.
        patch_size: Window, array order.
        spacing_mm: Spacing of the plan, array order.
        strides: Stride of each stage; the first is all ones.
        image: Image to fit the last layer to.
        labels: Its labels, 0 to 3.
        seed: Seed of the weights.

    Returns:
        The result folder.
    """
    plans = _plans(patch_size, spacing_mm, strides)
    dataset = {"channel_names": {"0": "T1"}, "labels": LABELS, "numTraining": 1, "file_ending": ".nii.gz"}
    torch.manual_seed(seed)
    network = build_network(trainer, plans["configurations"]["3d_fullres"], 1, len(LABELS), deep_supervision=False)
    network.eval()
    _perturb(network, seed)
    _fit_read_out(network, *_window(image, labels, patch_size, spacing_mm))
    target = folder / f"{trainer}__nnUNetPlans__3d_fullres"
    (target / "fold_0").mkdir(parents=True)
    (target / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    (target / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    torch.save(
        {
            "network_weights": network.state_dict(),
            "trainer_name": trainer,
            "init_args": {"configuration": "3d_fullres"},
            "inference_allowed_mirroring_axes": (0, 1, 2),
        },
        target / "fold_0" / "checkpoint_final.pth",
    )
    return target


def _perturb(network: nn.Module, seed: int) -> None:
    """Make biases and norm weights differ, as after training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() == 1 and "mamba" not in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


def _window(
    image: sitk.Image, labels: sitk.Image, patch_size: Sequence[int], spacing_mm: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Cut the middle of an image and of its labels at the plan's spacing: (1, 1, *patch) and (*patch)."""
    spacing = [float(value) for value in reversed(spacing_mm)]
    size = [
        round(length * old / new) for length, old, new in zip(image.GetSize(), image.GetSpacing(), spacing, strict=True)
    ]
    cut = []
    for source, method in ((image, sitk.sitkLinear), (labels, sitk.sitkNearestNeighbor)):
        moved = sitk.Resample(
            source, size, sitk.Transform(), method, image.GetOrigin(), spacing, image.GetDirection(), 0.0
        )
        array = sitk.GetArrayFromImage(moved).astype(np.float32)
        if method == sitk.sitkLinear:
            array = (array - array.mean()) / array.std()
        for axis, length in enumerate(patch_size):
            missing = max(0, length - array.shape[axis])
            array = np.pad(array, [(missing, 0) if other == axis else (0, 0) for other in range(3)], mode="edge")
            start = (array.shape[axis] - length) // 2
            array = np.take(array, range(start, start + length), axis=axis)
        cut.append(torch.from_numpy(np.ascontiguousarray(array)))
    return cut[0][None, None], cut[1].long()


@torch.no_grad()
def _fit_read_out(network: nn.Module, window: Tensor, labels: Tensor) -> None:
    """Fit the last layer so that its output is ten times the one-hot labels, in the least-squares sense."""
    heads = [item for item in network.modules() if isinstance(item, nn.Conv3d) and item.out_channels == len(LABELS)]
    last = heads[-1]
    seen: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    network(window)
    handle.remove()
    features = seen[-1][0].flatten(1).T.double()
    features = torch.cat([features, torch.ones(len(features), 1, dtype=torch.float64)], dim=1)
    wanted = 10.0 * nn.functional.one_hot(labels.flatten(), len(LABELS)).double()
    ridge = 1e-3 * len(features) * torch.eye(features.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(features.T @ features + ridge, features.T @ wanted).float()
    assert last.bias is not None
    last.weight.copy_(solution[:-1].T.reshape(last.weight.shape))
    last.bias.copy_(solution[-1])
