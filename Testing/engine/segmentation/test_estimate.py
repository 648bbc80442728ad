"""The estimate before the start: windows exactly, memory and time in the right order, learned from real runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.errors import BadRequestError
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.segmentation import load_model
from mambamed.segmentation.calibration import calibration_file
from mambamed.segmentation.calibration import read_calibration
from mambamed.segmentation.calibration import speed_key
from mambamed.segmentation.calibration import store_calibration
from mambamed.segmentation.estimate import count_windows
from mambamed.segmentation.estimate import estimate_segmentation
from mambamed.segmentation.network_cost import network_operations
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.networks.plan import NetworkPlan
from mambamed.segmentation.windows import window_positions


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMBAMED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plans, configuration = make_plans()
    return write_model(tmp_path / "model", plans, configuration, make_dataset(), folds=("0", "1"))


@pytest.mark.parametrize("step_size", [0.3, 0.5, 1.0])
@pytest.mark.parametrize(
    ("shape", "patch"), [((20, 40, 33), (16, 24, 20)), ((5, 50, 47), (24, 20)), ((16, 24, 20), (16, 24, 20))]
)
def test_windows_are_counted_as_they_are_laid(shape: tuple[int, ...], patch: tuple[int, ...], step_size: float) -> None:
    assert count_windows(shape, patch, step_size) == len(window_positions(shape, patch, step_size))


def test_calls_of_the_network(folder: Path) -> None:
    image, _ = ellipsoid_phantom()
    result = load_model(folder, device="cpu").predict(image, precision="float32")
    shape = result.record["windows"]["preprocessed_shape"][1:]
    expected = len(window_positions(shape, (16, 24, 20), 0.5)) * 2
    estimate = estimate_segmentation(folder, image.GetSize(), image.GetSpacing())
    assert estimate.windows == expected
    assert estimate.voxels == shape[0] * shape[1] * shape[2]
    mirrored = estimate_segmentation(folder, image.GetSize(), image.GetSpacing(), {"mirroring": True, "folds": [0]})
    assert mirrored.windows == expected * 8 / 2


def test_time_is_unknown_until_a_network_ran_here(folder: Path) -> None:
    before = estimate_segmentation(folder, (40, 40, 40), (1.0, 1.0, 1.0), {"device": "cpu"})
    assert before.seconds is None
    store_calibration({speed_key("cpu"): 1e9})
    after = estimate_segmentation(folder, (40, 40, 40), (1.0, 1.0, 1.0), {"device": "cpu"})
    assert after.seconds is not None
    twice = estimate_segmentation(folder, (40, 40, 40), (1.0, 1.0, 1.0), {"device": "cpu", "mirroring": True})
    assert twice.seconds == pytest.approx(8 * after.seconds)


def test_warning_when_memory_will_not_do(folder: Path) -> None:
    large = estimate_segmentation(folder, (3000, 3000, 3000), (1.0, 1.0, 1.0))
    assert any("region of interest" in text for text in large.warnings)
    small = estimate_segmentation(folder, (30, 30, 30), (1.0, 1.0, 1.0))
    assert small.warnings == ()
    assert large.memory_bytes > small.memory_bytes


def test_damaged_cache_is_no_error() -> None:
    store_calibration({"a": 1})
    assert read_calibration() == {"a": 1}
    calibration_file().write_text("{")
    assert read_calibration() == {}


def test_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="cannot be read"):
        estimate_segmentation(tmp_path, (10, 10, 10), (1, 1, 1))


@pytest.mark.parametrize(
    ("trainer", "residual"), [("nnUNetTrainer", False), ("nnUNetTrainer", True), ("nnUNetTrainerUMambaBot", False)]
)
def test_operations_agree_with_the_network(trainer: str, residual: bool) -> None:
    import torch
    from torch import nn

    plans, configuration = make_plans(residual=residual)
    values = plans["configurations"][configuration]
    network = build_network(trainer, values, 1, 4, deep_supervision=False).eval()
    counted = 0.0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal counted
        assert isinstance(module, (nn.Conv3d, nn.ConvTranspose3d))
        per_output = module.weight[0].numel()
        if isinstance(module, nn.ConvTranspose3d):
            per_output = module.in_channels
        counted += 2.0 * output.numel() * per_output

    for module in network.modules():
        if isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 1, 16, 24, 20))
    estimated = network_operations(NetworkPlan.from_configuration(values), 4, 1, "UMamba" in trainer)
    assert 0.7 < estimated / counted < 1.3
