"""A trained fold turned into a model folder: same weights, no second names, half the size if wished."""

from __future__ import annotations

import json

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.models import ModelCard
from mambamed.models import bundle_model
from mambamed.models import load_weights
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.networks import load_network_weights
from mambamed.segmentation.networks import resolve_configuration
from safetensors import safe_open


def test_the_bundle_holds_the_model(tmp_path, result_folder, card, checkpoint):
    bundle = tmp_path / "bundle"
    written = bundle_model(result_folder, bundle, card)
    assert ModelCard.read(bundle) == written
    assert written.trainer_name == "nnUNetTrainerUMambaBot"
    assert (written.configuration, written.folds, written.mirroring_axes) == ("3d_fullres", ("all",), (0, 1, 2))
    path = bundle / "fold_all" / "checkpoint_final.safetensors"
    with safe_open(str(path), framework="pt") as file:
        assert file.metadata() == {
            "trainer_name": "nnUNetTrainerUMambaBot",
            "configuration": "3d_fullres",
            "inference_allowed_mirroring_axes": "[0, 1, 2]",
        }
    plans = json.loads((bundle / "plans.json").read_text(encoding="utf-8"))
    assert list(plans["configurations"]) == ["3d_fullres"]
    assert json.loads((bundle / "dataset.json").read_text(encoding="utf-8"))["numTraining"] == 17

    network = build_network("UMambaBot", resolve_configuration(plans, "3d_fullres"), 2, 3)
    weights = load_weights(path)
    load_network_weights(network, weights)
    for name, value in network.state_dict().items():
        assert torch.equal(value, checkpoint["network_weights"][name]), name
    assert len(weights) == len(list(network.parameters())) < len(checkpoint["network_weights"])


def test_half_precision_is_smaller_and_close(tmp_path, result_folder, card, checkpoint):
    full, half = tmp_path / "full", tmp_path / "half"
    bundle_model(result_folder, full, card)
    bundle_model(result_folder, half, card, half_precision=True)
    name = "fold_all/checkpoint_final.safetensors"
    assert (half / name).stat().st_size < 0.75 * (full / name).stat().st_size
    weights = load_weights(half / name)
    assert {value.dtype for value in weights.values()} == {torch.float16, torch.float32}
    assert all(value.dtype == torch.float32 for key, value in weights.items() if "mamba" in key or value.dim() == 1)
    for key, value in weights.items():
        torch.testing.assert_close(value.float(), checkpoint["network_weights"][key], rtol=1e-3, atol=1e-6)


def test_other_plans_can_be_given(tmp_path, result_folder, card):
    plans = json.loads((result_folder / "plans.json").read_text(encoding="utf-8"))
    plans["configurations"]["3d_fullres"]["normalization_schemes"] = ["ZScoreNormalization"] * 2
    bundle_model(result_folder, tmp_path / "bundle", card, plans=plans)
    written = json.loads((tmp_path / "bundle" / "plans.json").read_text(encoding="utf-8"))
    assert written["configurations"]["3d_fullres"]["normalization_schemes"] == ["ZScoreNormalization"] * 2


def test_refusals(tmp_path, result_folder, card):
    bundle_model(result_folder, tmp_path / "bundle", card)
    with pytest.raises(BadRequestError, match="holds a model already"):
        bundle_model(result_folder, tmp_path / "bundle", card)
    with pytest.raises(BadRequestError, match=r"There is no file .*fold_3"):
        bundle_model(result_folder, tmp_path / "other", card, fold=3)
    (result_folder / "dataset.json").unlink()
    with pytest.raises(BadRequestError, match="cannot be bundled"):
        bundle_model(result_folder, tmp_path / "other", card)
    assert not (tmp_path / "other" / "model-card.json").exists()
