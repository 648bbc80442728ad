"""A small result folder of U-Mamba as a training leaves it, and a valid card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch
from mambamed.models.card import CardInput
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.segmentation.networks import build_network

CONFIGURATION = {
    "patch_size": [8, 16, 12],
    "spacing": [3.0, 0.75, 1.5],
    "UNet_class_name": "PlainConvUNet",
    "UNet_base_num_features": 4,
    "unet_max_num_features": 8,
    "n_conv_per_stage_encoder": [2, 2],
    "n_conv_per_stage_decoder": [2],
    "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2]],
    "conv_kernel_sizes": [[3, 3, 3], [3, 3, 3]],
}
PLANS = {
    "dataset_name": "Dataset123_Knee",
    "plans_name": "nnUNetPlans",
    "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [2, 0, 1],
    "transpose_backward": [1, 2, 0],
    "configurations": {
        "3d_fullres": CONFIGURATION,
        "3d_cropped": {"inherits_from": "3d_fullres", "patch_size": [8, 8, 8]},
        "2d": {"patch_size": [16, 16], "spacing": [1.0, 1.0]},
    },
}
DATASET = {
    "channel_names": {"0": "T1", "1": "PD"},
    "labels": {"background": 0, "bone": 2, "cartilage": 1, "ignore": 3},
    "numTraining": 17,
    "file_ending": ".nii.gz",
}


def trained_checkpoint() -> dict:
    """A checkpoint with the nine entries of nnU-Net, and the numpy scalars that its log holds after training."""
    torch.manual_seed(0)
    network = build_network("UMambaBot", CONFIGURATION, 2, 3, deep_supervision=True)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.99, nesterov=True)
    network(torch.zeros(1, 2, 8, 16, 12))[0].sum().backward()
    optimiser.step()
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": optimiser.state_dict(),
        "grad_scaler_state": None,
        "logging": {
            "mean_fg_dice": [numpy.float64(0.5), numpy.float32(0.75)],
            "dice_per_class_or_region": [[numpy.float64(0.25), numpy.float64(0.5)]],
            "train_losses": [numpy.float32(-0.5)],
            "lrs": [0.01],
            "best_epoch": numpy.int64(1),
            "improved": numpy.bool_(True),
        },
        "_best_ema": numpy.float64(0.625),
        "current_epoch": 2,
        "init_args": {
            "plans": PLANS,
            "configuration": "3d_fullres",
            "fold": "all",
            "dataset_json": DATASET,
            "device": torch.device("cpu"),
        },
        "trainer_name": "nnUNetTrainerUMambaBot",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }


@pytest.fixture(scope="session")
def checkpoint() -> dict:
    return trained_checkpoint()


@pytest.fixture
def result_folder(tmp_path, checkpoint) -> Path:
    folder = tmp_path / "Dataset123_Knee" / "nnUNetTrainerUMambaBot__nnUNetPlans__3d_fullres"
    (folder / "fold_all").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(PLANS))
    (folder / "dataset.json").write_text(json.dumps(DATASET))
    torch.save(checkpoint, folder / "fold_all" / "checkpoint_final.pth")
    return folder


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(
        id="knee-mr",
        version="1.2.3",
        title="Knee on MR",
        task="segmentation",
        modality="MR",
        inputs=(CardInput("channel_0", "T1"),),
        network="U-Mamba Bot 3D",
        weights=(CardWeights("fold_all/checkpoint_final.safetensors", "0" * 64, 12),),
        training_data="17 synthetic knees",
        licence="Apache-2.0",
        intended_use="Demonstration. Not for clinical use.",
        demonstration_only=True,
    )
