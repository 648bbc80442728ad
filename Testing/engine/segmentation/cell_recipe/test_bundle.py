from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.cli.main import main
from mambamed.models.card import ModelCard
from mambamed.segmentation import load_model
from mambamed.segmentation.cell_recipe.bundle import bundle_cell_model
from mambamed.segmentation.cell_recipe.dataset import LABELS
from mambamed.segmentation.cell_recipe.dataset import draw_picture
from mambamed.segmentation.cell_recipe.judge import judge_model
from mambamed.segmentation.cell_recipe.judge import markdown_table
from mambamed.segmentation.cell_recipe.judge import threshold_instances
from mambamed.segmentation.cell_recipe.recipe import CONFIGURATION
from mambamed.segmentation.cell_recipe.recipe import plan_for_training
from mambamed.segmentation.networks import build_network

TRAINER = "nnUNetTrainerUMambaEnc"


def planned() -> dict:
    """A plan as nnunetv2 writes it for the recipe's data set."""
    resampling = "resample_data_or_seg_to_shape"
    resample = {"order": 3, "order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": "Dataset153_Cells",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [999.0, 1.0, 1.0],
        "original_median_shape_after_transp": [1, 192, 192],
        "image_reader_writer": "NaturalImage2DIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": {"mean": 0.0, "std": 1.0}},
        "configurations": {
            CONFIGURATION: {
                "data_identifier": "nnUNetPlans_2d",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 12,
                "patch_size": [192, 192],
                "median_image_size_in_voxels": [192.0, 192.0],
                "spacing": [1.0, 1.0],
                "normalization_schemes": ["ZScoreNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_data": resampling,
                "resampling_fn_seg": resampling,
                "resampling_fn_data_kwargs": {"is_seg": False, **resample},
                "resampling_fn_seg_kwargs": {"is_seg": True, **resample, "order": 1},
                "resampling_fn_probabilities": resampling,
                "resampling_fn_probabilities_kwargs": {"is_seg": False, **resample, "order": 1},
                "architecture": {
                    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                    "arch_kwargs": {
                        "conv_op": "torch.nn.modules.conv.Conv2d",
                        "conv_bias": True,
                        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
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
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the recipe, with random weights."""
    folder = tmp_path_factory.mktemp("trained") / f"{TRAINER}__nnUNetPlans__{CONFIGURATION}"
    (folder / "fold_all").mkdir(parents=True)
    plans = plan_for_training(planned())
    (folder / "plans.json").write_text(json.dumps(plans))
    dataset = {"channel_names": {"0": "microscopy"}, "labels": LABELS, "file_ending": ".png"}
    (folder / "dataset.json").write_text(json.dumps(dataset))
    torch.manual_seed(0)
    network = build_network(TRAINER, plans["configurations"][CONFIGURATION], 1, 3, deep_supervision=True)
    checkpoint = {
        "network_weights": network.state_dict(),
        "init_args": {"configuration": CONFIGURATION},
        "trainer_name": TRAINER,
        "inference_allowed_mirroring_axes": (0, 1),
    }
    torch.save(checkpoint, folder / "fold_all/checkpoint_final.pth")
    group = {"mean": 0.5, "standard_deviation": 0.1, "cases": 3}
    judged = {"summary": {"glow": {"model": group, "threshold": group}, "real": {"model": group, "threshold": group}}}
    bundle_cell_model(folder, folder.parent / "model", "0.1.0", judged)
    return folder.parent / "model"


def test_card_is_complete_and_small(bundled: Path) -> None:
    card = ModelCard.read(bundled)
    assert card.makes_instances
    assert card.demonstration_only
    assert sum(weights.bytes or 0 for weights in card.weights) < 15e6
    assert [metric.value for metric in card.metrics] == [0.5] * 4
    assert "baseline" in card.metrics[1].name
    assert any("Not for clinical use" in limit for limit in card.limits)


@pytest.mark.parametrize(("ending", "colour"), [("png", False), ("tif", True)])
def test_picture_becomes_instances_from_the_command_line(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str, colour: bool
) -> None:
    picture, _, _ = draw_picture(2, 1, 150)
    array = np.stack([picture, picture, picture], -1) if colour else picture
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=colour), str(tmp_path / f"in.{ending}"))
    words = ["segment", str(tmp_path / f"in.{ending}"), "--model", str(bundled), "-o", str(tmp_path / f"out.{ending}")]
    assert main([*words, "--device", "cpu", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    classes = sitk.ReadImage(str(tmp_path / f"out.{ending}"))
    instances = sitk.ReadImage(answer["outputs"]["instances"])
    assert classes.GetSize() == instances.GetSize() == (150, 150)
    assert set(np.unique(sitk.GetArrayViewFromImage(classes))) <= {0, 1, 2}
    with Path(answer["outputs"]["instance_table"]).open() as stream:
        numbers = [int(row["number"]) for row in csv.DictReader(stream)]
    found = np.unique(sitk.GetArrayViewFromImage(instances))
    assert numbers == [int(value) for value in found if value]
    assert any("brightness" in warning for warning in answer["warnings"]) == colour


def test_judge_scores_model_and_baseline(bundled: Path, tmp_path: Path) -> None:
    picture, cells, _ = draw_picture(3, 0, 140)
    sitk.WriteImage(sitk.GetImageFromArray(picture), str(tmp_path / "a.png"))
    sitk.WriteImage(sitk.GetImageFromArray(cells.astype(np.uint16)), str(tmp_path / "a_label.tiff"))
    judged = judge_model(load_model(bundled, device="cpu"), tmp_path, pictures=2)
    assert [entry["look"] for entry in judged["pictures"]] == ["glow", "membrane", "real"]
    assert judged["summary"]["all synthetic"]["model"]["cases"] == 2
    assert markdown_table(judged["summary"]).count("\n") == 5


def test_threshold_finds_bright_and_dark_discs() -> None:
    y, x = np.mgrid[:40, :60]
    discs = (np.hypot(y - 12, x - 15) < 7) | (np.hypot(y - 27, x - 42) < 8)
    for picture in (discs * 200 + 10, 220 - discs * 150):
        assert len(np.unique(threshold_instances(picture.astype(float)))) == 3
    assert threshold_instances(np.full((9, 9), 7.0)).max() == 0
