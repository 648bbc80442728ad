from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mambamed.models.card import ModelCard
from mambamed.segmentation import load_model
from mambamed.segmentation.brain_recipe.bundle import bundle_brain_model
from mambamed.segmentation.brain_recipe.bundle import metrics_of
from mambamed.segmentation.brain_recipe.recipe import CONFIGURATION
from mambamed.segmentation.brain_recipe.recipe import plan_for_training
from mambamed.segmentation.networks import build_network

TRAINER = "nnUNetTrainerUMambaBotBrainTissue"


def planned() -> dict:
    """A plan as nnunetv2 writes it for the recipe's data set."""
    resampling = "resample_data_or_seg_to_shape"
    return {
        "dataset_name": "Dataset152_BrainTissue",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [1.5, 1.5, 1.5],
        "original_median_shape_after_transp": [136, 142, 115],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": {"mean": 0.0, "std": 1.0}},
        "configurations": {
            CONFIGURATION: {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": [128, 128, 112],
                "median_image_size_in_voxels": [136.0, 142.0, 115.0],
                "spacing": [1.5, 1.5, 1.5],
                "normalization_schemes": ["NoNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_data": resampling,
                "resampling_fn_seg": resampling,
                "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
                "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
                "resampling_fn_probabilities": resampling,
                "resampling_fn_probabilities_kwargs": {
                    "is_seg": False,
                    "order": 1,
                    "order_z": 0,
                    "force_separate_z": None,
                },
                "architecture": {
                    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                    "arch_kwargs": {
                        "conv_op": "torch.nn.modules.conv.Conv3d",
                        "conv_bias": True,
                        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                        "dropout_op": None,
                        "dropout_op_kwargs": None,
                        "nonlin": "torch.nn.LeakyReLU",
                        "nonlin_kwargs": {"inplace": True},
                    },
                    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
                },
                "batch_dice": True,
            }
        },
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained folder of the recipe, with random weights."""
    folder = tmp_path_factory.mktemp("trained") / f"{TRAINER}__nnUNetPlans__{CONFIGURATION}"
    (folder / "fold_all").mkdir(parents=True)
    plans = plan_for_training(planned())
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "noNorm"}, "labels": {"background": 0}}))
    torch.manual_seed(0)
    network = build_network(TRAINER, plans["configurations"][CONFIGURATION], 1, 4, deep_supervision=True)
    checkpoint = {
        "network_weights": network.state_dict(),
        "init_args": {"configuration": CONFIGURATION},
        "trainer_name": TRAINER,
        "inference_allowed_mirroring_axes": (2,),
    }
    torch.save(checkpoint, folder / "fold_all/checkpoint_final.pth")
    return folder


def judged() -> dict:
    value = {"mean": 0.8, "standard deviation": 0.02, "cases": 5}
    return {
        "summary": {"dice T1": {"grey matter": value}, "dice_of_intensity_clusters T1": {"grey matter": value}},
        "scans": {"volunteer T2": {"agreement_with_volunteer_T1": {"white matter": 0.75}}},
    }


def test_bundle_is_a_small_model_with_a_complete_card(trained: Path, tmp_path: Path) -> None:
    card = bundle_brain_model(trained, tmp_path / "model", "0.1.0", judged())
    assert card == ModelCard.read(tmp_path / "model")
    assert sum(weights.bytes or 0 for weights in card.weights) < 15e6
    assert card.demonstration_only
    assert any("Not for clinical use" in limit for limit in card.limits)
    assert card.licence == "Apache-2.0"
    assert any("McGill" in reference for reference in card.references)
    plans = json.loads((tmp_path / "model/plans.json").read_text(encoding="utf-8"))
    assert plans["configurations"][CONFIGURATION]["normalization_schemes"] == ["ZScoreNormalization"]


def test_bundled_network_computes_as_the_trained_one(trained: Path, tmp_path: Path) -> None:
    bundle_brain_model(trained, tmp_path / "model", "0.1.0")
    model = load_model(tmp_path / "model", device="cpu")
    state = torch.load(trained / "fold_all/checkpoint_final.pth", weights_only=False)["network_weights"]
    network = build_network(TRAINER, plan_for_training(planned())["configurations"][CONFIGURATION], 1, 4).eval()
    network.load_state_dict(state)
    patch = torch.randn((1, 1, 32, 32, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, found = network(patch), model.network(patch)
    assert torch.allclose(found, expected, atol=2e-2 * float(expected.abs().max()))
    assert model.orientation == "LPS"


def test_metrics_say_what_was_measured() -> None:
    metrics = metrics_of(judged())
    assert [(metric.label, metric.value) for metric in metrics] == [
        ("grey matter", 0.8),
        ("grey matter", 0.8),
        ("white matter", 0.75),
    ]
    assert "baseline" in metrics[1].name
    assert "never seen" in metrics[0].measured_on
