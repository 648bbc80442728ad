"""Every network of ``--architecture``, in 2D and 3D, from one plan of nnU-Net: built, trained a step, read back."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from mambamed.errors import BadRequestError
from mambamed.segmentation import load_model
from mambamed.segmentation.architectures import ARCHITECTURES
from mambamed.segmentation.architectures import architecture_choice
from mambamed.segmentation.architectures import plan_for_architecture
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.trainers.computation import optimizer_for
from mambamed.segmentation.trainers.control import TrainingControl
from mambamed.segmentation.training_settings import SegmentationTrainingSettings

CLASSES = 3
PATCHES = {2: (40, 24), 3: (12, 24, 20)}
COMPARED = [name for name, choice in ARCHITECTURES.items() if choice.network_class]


def planned(name: str, dimension: int) -> tuple[dict[str, Any], str]:
    """What nnU-Net would have planned, with the network of ``name`` in it; the name of the configuration."""
    plans, configuration = make_plans(PATCHES[dimension], (1.0,) * dimension, residual=name.startswith("resenc"))
    return plan_for_architecture(plans, name), configuration


def small(plans: dict[str, Any], configuration: str) -> dict[str, Any]:
    """The same network with few features, so that tests which only need its form are quick."""
    plans = copy.deepcopy(plans)
    shape = plans["configurations"][configuration]["architecture"]["arch_kwargs"]
    narrower = {4: [8, 16, 32, 64], 5: [8, 16, 32, 64, 64], 6: [12, 12, 24, 48, 96, 192]}
    shape["features_per_stage"] = narrower[shape["n_stages"]]
    return plans


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_network_is_built_from_the_plan_and_takes_one_step(name: str, dimension: int) -> None:
    torch.manual_seed(0)
    plans, configuration = planned(name, dimension)
    if name in COMPARED:
        # The full size without memory; MONAI's SwinUNETR reads values while it is built.
        with torch.device("cpu" if name == "swinunetr" else "meta"):
            full = build_network("plans", plans["configurations"][configuration], 1, CLASSES)
        assert 1e6 < sum(parameter.numel() for parameter in full.parameters()) < 2e8
        plans = small(plans, configuration)
    values = plans["configurations"][configuration]
    choice = SegmentationTrainingSettings(dataset="Dataset001_A", architecture=name).network
    network = build_network(
        choice.trainer if not choice.network_class else "plans", values, 1, CLASSES, choice.deep_supervision
    )
    control = TrainingControl(
        optimizer=choice.optimizer, learning_rate=choice.learning_rate, weight_decay=choice.weight_decay
    )
    optimizer = optimizer_for(network.parameters(), control)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    patch = values["patch_size"]
    output = network(torch.randn(2, 1, *patch))
    outputs = output if isinstance(output, list | tuple) else [output]
    assert outputs[0].shape == (2, CLASSES, *patch)
    assert (len(outputs) > 1) is choice.deep_supervision
    loss = sum(one.float().square().mean() for one in outputs)
    assert torch.isfinite(loss)
    loss.backward()
    optimizer.step()
    changed = [not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True)]
    # Biases before an instance norm have no gradient, and UNETR's transformer ends with unused outputs.
    assert sum(changed) > 0.6 * len(changed)


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("patch", [(17, 31, 33), (16, 32, 64), (1, 8, 100)])
def test_patch_is_rounded_up_to_what_the_network_needs(name: str, patch: tuple[int, ...]) -> None:
    plans, configuration = make_plans(patch, (1.0, 1.0, 1.0))
    adapted = plan_for_architecture(plans, name)["configurations"][configuration]
    divisor = ARCHITECTURES[name].patch_divisor
    for side, before in zip(adapted["patch_size"], patch, strict=True):
        assert side % divisor == 0
        assert before <= side < before + divisor
    untouched = plans["configurations"][configuration]
    assert untouched["patch_size"] == list(patch)
    assert adapted["data_identifier"] == untouched["data_identifier"]
    assert adapted["batch_size"] == untouched["batch_size"]


def test_smallest_patch_leaves_two_voxels_to_normalise_over() -> None:
    plans, configuration = make_plans((9, 30, 20), (1.0, 1.0, 1.0))
    assert plan_for_architecture(plans, "swinunetr")["configurations"][configuration]["patch_size"] == [32, 64, 32]


def test_enc_keeps_its_planned_patch() -> None:
    plans, configuration = make_plans((12, 24, 20), (1.0, 1.0, 1.0))
    assert plan_for_architecture(plans, "umamba-enc") is plans
    network = build_network("UMambaEnc", plans["configurations"][configuration], 1, CLASSES)
    tokens = [module.channel_token for module in network.modules() if hasattr(module, "channel_token")]
    assert len(tokens) == 3


@pytest.mark.parametrize(
    ("name", "optimizer", "learning_rate"),
    [("umamba-bot", "sgd", 1e-2), ("segresnet", "adam", 1e-4), ("unetr", "adamw", 1e-4), ("swinunetr", "adamw", 8e-4)],
)
def test_optimisers_are_those_that_the_authors_suggest(name: str, optimizer: str, learning_rate: float) -> None:
    choice = SegmentationTrainingSettings(dataset="Dataset001_A", architecture=name).network
    assert (choice.optimizer, choice.learning_rate) == (optimizer, learning_rate)
    overruled = SegmentationTrainingSettings(
        dataset="Dataset001_A", architecture=name, optimizer="sgd", learning_rate=0.5, weight_decay=0.25
    ).network
    assert (overruled.optimizer, overruled.learning_rate, overruled.weight_decay) == ("sgd", 0.5, 0.25)
    control = TrainingControl(optimizer=optimizer, learning_rate=learning_rate)
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    made = optimizer_for([torch.nn.Parameter(torch.zeros(1))], control)
    assert type(made) is kinds[optimizer]


def write_trained(folder: Path, name: str, dimension: int) -> tuple[Path, torch.nn.Module]:
    """A result folder with random weights, as a training leaves it."""
    plans, configuration = planned(name, dimension)
    plans = small(plans, configuration)
    choice = architecture_choice(name)
    dataset = make_dataset(labels={"background": 0, "one": 1, "two": 2})
    torch.manual_seed(1)
    network = build_network("plans", plans["configurations"][configuration], 1, CLASSES).eval()
    target = folder / f"{choice.trainer}__{choice.plans}__{configuration}"
    (target / "fold_0").mkdir(parents=True)
    (target / "plans.json").write_text(json.dumps(plans))
    (target / "dataset.json").write_text(json.dumps(dataset))
    checkpoint = {
        "network_weights": network.state_dict(),
        "init_args": {"configuration": configuration},
        "trainer_name": choice.trainer,
        "inference_allowed_mirroring_axes": tuple(range(dimension)),
    }
    torch.save(checkpoint, target / "fold_0/checkpoint_final.pth")
    return target, network


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("name", COMPARED)
def test_trained_folder_is_read_back_and_predicts(name: str, dimension: int, tmp_path: Path) -> None:
    folder, network = write_trained(tmp_path, name, dimension)
    model = load_model(folder, device="cpu")
    for key, tensor in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[key], tensor)
    random = np.random.default_rng(0)
    size = tuple(model.configuration.patch_size)
    image = sitk.GetImageFromArray(random.normal(size=size).astype(np.float32))
    image.SetSpacing(tuple(1.0 for _ in size))
    result = model.predict(image, precision="float32", probabilities=True)
    assert result.labelmap.GetSize() == image.GetSize()
    values = sitk.GetArrayFromImage(image)
    normalised = (values - values.mean()) / values.std()
    with torch.no_grad():
        expected = network(torch.from_numpy(normalised)[None, None]).softmax(1)[0, 1].numpy()
    found = sitk.GetArrayFromImage(result.probabilities["one"])
    # At the corners of a lone window the Gaussian weights are so small that float16 rounds the logits away.
    inner = tuple(slice(side // 4, -(side // 4)) for side in size)
    assert np.abs(found[inner] - expected[inner]).max() < 2e-2
    narrow = model.predict(image, precision="bfloat16")
    agrees = sitk.GetArrayFromImage(narrow.labelmap)[inner] == sitk.GetArrayFromImage(result.labelmap)[inner]
    assert agrees.mean() > 0.9


def test_nnunetv2_builds_the_networks_from_the_plan() -> None:
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    for name in COMPARED:
        plans, configuration = planned(name, 2)
        block = small(plans, configuration)["configurations"][configuration]["architecture"]
        kwargs, imports = block["arch_kwargs"], block["_kw_requires_import"]
        network = get_network_from_plans(block["network_class_name"], kwargs, imports, 1, CLASSES, True, False)
        assert type(network).__name__ == ARCHITECTURES[name].title
        with pytest.raises(BadRequestError, match="no deep supervision"):
            get_network_from_plans(block["network_class_name"], kwargs, imports, 1, CLASSES, True, True)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    honest = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "monai" else honest(name))
    plans, configuration = planned("unetr", 2)
    with pytest.raises(BadRequestError, match="UNETR needs the package monai; install with"):
        build_network("plans", plans["configurations"][configuration], 1, CLASSES)
