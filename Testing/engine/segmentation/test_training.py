from __future__ import annotations

import json
import shutil
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from engine.segmentation.test_architectures import small
from engine.segmentation.tiny_dataset import write_tiny_dataset
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.segmentation import training
from mambamed.segmentation.architectures import plan_for_architecture
from mambamed.segmentation.training import train_segmentation
from mambamed.segmentation.training_settings import SegmentationTrainingSettings
from torch import nn


class Listener:
    """Records what a training says; cancels or stops when a stage has been reported."""

    def __init__(self, cancel_in_stage: str = "", way: str = "cancel") -> None:
        self.way = way
        self.fractions: list[float] = []
        self.stages: list[str] = []
        self.metrics: dict[str, list[float]] = {}
        self.lines: list[str] = []
        self.cancel_in_stage = cancel_in_stage

    def progress(self, stage: str, fraction: float) -> None:
        self.stages.append(stage)
        self.fractions.append(fraction)

    def log(self, message: str) -> None:
        self.lines.append(message)

    def warning(self, message: str) -> None:
        self.lines.append(message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self.metrics.setdefault(name, []).append(value)

    def check_cancelled(self) -> None:
        if self.way == "cancel" and self.has_reached_the_stage:
            raise JobCancelledError("The job was cancelled.")

    @property
    def stop_requested(self) -> bool:
        return self.way == "stop" and self.has_reached_the_stage

    @property
    def has_reached_the_stage(self) -> bool:
        return bool(self.cancel_in_stage) and self.cancel_in_stage in self.stages


def narrow_plan(plans: dict, name: str) -> dict:
    """The plan of a compared network with few features."""
    return small(plan_for_architecture(plans, name), "3d_fullres")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("raw") / "Dataset031_Box")


@pytest.fixture
def settings(dataset: Path) -> SegmentationTrainingSettings:
    return SegmentationTrainingSettings(
        dataset=str(dataset),
        fold="0",
        epochs=2,
        iterations=2,
        validation_iterations=1,
        precision="float32",
        device="cpu",
        processes=1,
        loader_processes=0,
    )


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Listener, Path]:
    """A finished U-Mamba Bot training, its listener and its work folder."""
    work = tmp_path_factory.mktemp("work")
    listener = Listener()
    settings = SegmentationTrainingSettings(
        dataset=str(dataset),
        fold="0",
        epochs=2,
        iterations=2,
        validation_iterations=1,
        precision="float32",
        device="cpu",
        processes=1,
        loader_processes=0,
    )
    return train_segmentation(settings, work, listener), listener, work


@pytest.fixture
def prepared(trained: tuple[Path, Listener, Path], tmp_path: Path) -> Path:
    """A work folder with the planned and preprocessed data and nothing trained; used with ``resume``."""
    shutil.copytree(trained[2] / "preprocessed", tmp_path / "preprocessed")
    return tmp_path


def test_result_is_an_ordinary_nnunet_folder(trained: tuple[Path, Listener, Path]) -> None:
    folder = trained[0]
    assert folder.name == "nnUNetTrainerUMambaBot__nnUNetPlans__3d_fullres"
    assert json.loads((folder / "plans.json").read_text(encoding="utf-8"))["configurations"]["3d_fullres"]["patch_size"]
    checkpoint = torch.load(folder / "fold_0/checkpoint_final.pth", weights_only=False)
    assert checkpoint["trainer_name"] == "nnUNetTrainerUMambaBot"
    assert checkpoint["init_args"]["configuration"] == "3d_fullres"
    assert any("mamba" in key for key in checkpoint["network_weights"])
    assert not (folder / "fold_0/checkpoint_latest.pth").exists()


def test_nnunetv2_predicts_with_the_folder(
    trained: tuple[Path, Listener, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mambamed.segmentation.trainers

    # nnunetv2 looks through all of its own trainers first, and those of an unrelated network import timm.
    primus = types.ModuleType("primus")
    for name in ("Primus", "PrimusV2B", "PrimusV2L", "PrimusV2M", "PrimusV2S"):
        setattr(primus, name, nn.Identity)
    monkeypatch.setitem(sys.modules, "dynamic_network_architectures.architectures.primus", primus)
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    monkeypatch.setenv("nnUNet_extTrainer", str(Path(mambamed.segmentation.trainers.__file__).parent))
    predictor = nnUNetPredictor(device=torch.device("cpu"), use_mirroring=False, perform_everything_on_device=False)
    predictor.initialize_from_trained_model_folder(str(trained[0]), (0,), "checkpoint_final.pth")
    patch = predictor.configuration_manager.patch_size
    with torch.no_grad():
        logits = predictor.network(torch.zeros(1, 1, *patch))
    assert logits.shape == (1, 2, *patch)


def test_reporter_hears_progress_and_curves(trained: tuple[Path, Listener, Path]) -> None:
    listener = trained[1]
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == pytest.approx(1.0)
    for name in (*CURVES, "seconds left", "memory (GB)"):
        assert len(listener.metrics[name]) == 2
    assert listener.metrics["seconds left"][-1] == 0.0
    assert 0.05 < listener.metrics["memory (GB)"][-1] < 1000
    assert "epoch 2" in listener.stages


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("umamba-enc", "nnUNetTrainerUMambaEncNoAMP__nnUNetPlans__3d_fullres"),
        ("plain", "nnUNetTrainer__nnUNetPlans__3d_fullres"),
        ("resenc", "nnUNetTrainer__nnUNetResEncUNetMPlans__3d_fullres"),
        ("segresnet", "nnUNetTrainerSegResNet__nnUNetSegResNetPlans__3d_fullres"),
        ("unetr", "nnUNetTrainerUNETR__nnUNetUNETRPlans__3d_fullres"),
        ("swinunetr", "nnUNetTrainerSwinUNETR__nnUNetSwinUNETRPlans__3d_fullres"),
    ],
)
def test_every_architecture_trains(
    settings: SegmentationTrainingSettings,
    prepared: Path,
    architecture: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "plan_for_architecture", narrow_plan)
    changed = replace(settings, architecture=architecture, epochs=1, iterations=1)
    folder = train_segmentation(changed, prepared, resume=True)
    assert folder.name == expected
    assert (folder / "fold_0/checkpoint_final.pth").is_file()


def final_weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "fold_0/checkpoint_final.pth", weights_only=False)["network_weights"]


CURVES = ("training loss", "validation loss", "validation Dice", "learning rate")


@pytest.mark.parametrize("way", ["cancel", "stop"])
def test_interrupted_training_takes_the_steps_of_one_that_was_not(
    settings: SegmentationTrainingSettings, prepared: Path, trained: tuple[Path, Listener, Path], way: str
) -> None:
    first = Listener(cancel_in_stage="epoch 2", way=way)
    with pytest.raises(JobCancelledError):
        train_segmentation(settings, prepared, first, resume=True)
    checkpoint = torch.load(next(prepared.rglob("checkpoint_latest.pth")), weights_only=False)
    assert checkpoint["unfinished_epoch"]["iterations"] == 1
    second = Listener()
    folder = train_segmentation(settings, prepared, second, resume=True)
    assert any("Going on after epoch 1" in line for line in second.lines)
    for name in CURVES:
        assert first.metrics[name] + second.metrics[name] == trained[1].metrics[name]
    expected = final_weights(trained[0])
    assert all(torch.equal(value, expected[name]) for name, value in final_weights(folder).items())
    checkpoint = torch.load(folder / "fold_0/checkpoint_final.pth", weights_only=False)
    assert checkpoint["current_epoch"] == 2
    assert "unfinished_epoch" not in checkpoint


def test_two_processes_give_the_weights_of_one(
    settings: SegmentationTrainingSettings, prepared: Path, trained: tuple[Path, Listener, Path]
) -> None:
    listener = Listener()
    folder = train_segmentation(replace(settings, training_processes=2), prepared, listener, resume=True)
    assert any("Starting 2 processes" in line for line in listener.lines)
    for name in CURVES:
        # Dice counts decisions, a few of which are so close that rounding turns them.
        tolerance = 5e-3 if name == "validation Dice" else 1e-5
        assert listener.metrics[name] == pytest.approx(trained[1].metrics[name], rel=1e-4, abs=tolerance)
    expected = final_weights(trained[0])
    for name, value in final_weights(folder).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-5)


def test_overflow_of_umamba_enc_in_mixed_precision_stops_and_goes_on_in_float32(
    settings: SegmentationTrainingSettings, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known failure: activations that float16 cannot hold become infinite, and the norm after them NaN."""
    from mambamed.segmentation.trainers.umamba_enc import nnUNetTrainerUMambaEnc

    honest = nnUNetTrainerUMambaEnc.on_epoch_start

    def grow_activations(self: nnUNetTrainerUMambaEnc) -> None:
        if self.current_epoch == 1:
            stem = next(module for module in self.network.modules() if isinstance(module, nn.Conv3d))
            with torch.no_grad():
                stem.weight.mul_(1e7)
            if self.number_format is not torch.float32:
                # What autocast to float16 does on a graphics card; processors compute it too slowly for a test.
                stem.register_forward_hook(lambda module, inputs, output: output.half().float())
        honest(self)

    monkeypatch.setattr(nnUNetTrainerUMambaEnc, "on_epoch_start", grow_activations)
    mixed = replace(settings, architecture="umamba-enc", precision="bfloat16")
    with pytest.raises(MambaMedError, match=r"NaN or infinite in epoch 2.*checkpoint_latest\.pth.*float32"):
        train_segmentation(mixed, prepared, resume=True)
    good = torch.load(next(prepared.rglob("checkpoint_latest.pth")), weights_only=False)
    assert good["current_epoch"] == 1
    assert all(torch.isfinite(value).all() for value in good["network_weights"].values())
    listener = Listener()
    folder = train_segmentation(replace(mixed, precision="float32"), prepared, listener, resume=True)
    assert folder.name.startswith("nnUNetTrainerUMambaEncNoAMP__")
    assert any("Going on after epoch 1" in line for line in listener.lines)
    assert len(listener.metrics["training loss"]) == 1


def test_infinite_loss_stops_and_keeps_the_last_good_checkpoint(
    settings: SegmentationTrainingSettings, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambamed.segmentation.trainers.controlled import ControlledTrainer

    honest = ControlledTrainer.train_step

    def poisoned(self: ControlledTrainer, batch: dict) -> dict:
        result = honest(self, batch)
        return {"loss": result["loss"] * float("nan")} if self.current_epoch == 1 else result

    monkeypatch.setattr(ControlledTrainer, "train_step", poisoned)
    with pytest.raises(MambaMedError, match=r"NaN or infinite in epoch 2, iteration 1.*checkpoint_latest\.pth"):
        train_segmentation(settings, prepared, resume=True)
    latest = next(prepared.rglob("checkpoint_latest.pth"))
    checkpoint = torch.load(latest, weights_only=False)
    assert all(torch.isfinite(value).all() for value in checkpoint["network_weights"].values())


def test_same_seed_gives_same_weights(settings: SegmentationTrainingSettings, prepared: Path) -> None:
    weights = []
    for _ in range(2):
        folder = train_segmentation(replace(settings, epochs=1, seed=3, precision="bfloat16"), prepared, resume=True)
        weights.append(torch.load(folder / "fold_0/checkpoint_final.pth", weights_only=False)["network_weights"])
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_configuration_that_was_not_planned(settings: SegmentationTrainingSettings, prepared: Path) -> None:
    with pytest.raises(BadRequestError, match="no configuration '3d_lowres'"):
        train_segmentation(replace(settings, configuration="3d_lowres"), prepared, resume=True)
