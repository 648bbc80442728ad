"""What a prediction gives besides its numbers: kept labels, probabilities, uncertainty, record, precision, cancel."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.errors import DeviceUnavailableError
from mambamed.errors import JobCancelledError
from mambamed.imaging import same_grid
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.jobs.reporter import NullReporter
from mambamed.segmentation import load_model
from mambamed.segmentation.export import normalised_entropy
from mambamed.segmentation.model import SegmentationModel


@pytest.fixture(scope="module")
def model(trained_folder: Path) -> SegmentationModel:
    return load_model(trained_folder, device="cpu")


@pytest.fixture(scope="module")
def image() -> sitk.Image:
    return ellipsoid_phantom(seed=5)[0]


def test_subset_of_labels(model: SegmentationModel, image: sitk.Image) -> None:
    everything = sitk.GetArrayFromImage(model.predict(image, precision="float32").labelmap)
    result = model.predict(image, precision="float32", labels=["Three", "one"], probabilities=True)
    found = sitk.GetArrayFromImage(result.labelmap)
    np.testing.assert_array_equal(found, np.where(everything == 2, 0, everything))
    assert [label.name for label in result.labels] == ["one", "three"]
    assert result.probabilities is not None
    assert set(result.probabilities) == {"one", "three"}


def test_probabilities_and_uncertainty(model: SegmentationModel, image: sitk.Image) -> None:
    result = model.predict(image, precision="float32", probabilities=True, uncertainty=True)
    assert result.probabilities is not None
    assert result.uncertainty is not None
    stack = np.stack([sitk.GetArrayFromImage(result.probabilities[name]) for name in ("one", "two", "three")])
    background = 1.0 - stack.sum(axis=0)
    assert background.min() > -1e-5
    whole = np.concatenate([background[None], stack])
    np.testing.assert_array_equal(whole.argmax(axis=0), sitk.GetArrayFromImage(result.labelmap))
    entropy = -(whole * np.log(np.clip(whole, 1e-12, 1))).sum(axis=0) / math.log(4)
    found = sitk.GetArrayFromImage(result.uncertainty)
    np.testing.assert_allclose(found, entropy, atol=1e-3)
    assert 0 <= found.min() < 0.05
    assert 0.3 < found.max() <= 1
    for part in (result.labelmap, result.uncertainty, *result.probabilities.values()):
        assert same_grid(part, image)


def test_entropy_of_known_probabilities() -> None:
    chances = torch.tensor([[0.25, 1.0], [0.25, 0.0], [0.25, 0.0], [0.25, 0.0]])
    torch.testing.assert_close(normalised_entropy(chances, False), torch.tensor([1.0, 0.0]))
    regions = torch.tensor([[0.5, 1.0, 0.5], [0.5, 0.0, 0.0]])
    torch.testing.assert_close(normalised_entropy(regions, True), torch.tensor([1.0, 0.0, 0.5]))


def test_bfloat16_changes_hardly_anything(model: SegmentationModel, image: sitk.Image) -> None:
    exact = sitk.GetArrayFromImage(model.predict(image, precision="float32").labelmap)
    result = model.predict(image, precision="bfloat16")
    fast = sitk.GetArrayFromImage(result.labelmap)
    assert result.record["dtype"] == "bfloat16"
    for value in (1, 2, 3):
        one, other = exact == value, fast == value
        assert 2 * np.sum(one & other) / (one.sum() + other.sum()) >= 0.99


def test_record_is_enough_to_repeat(model: SegmentationModel, image: sitk.Image) -> None:
    result = model.predict(image, step_size=0.7, precision="float32")
    record = json.loads(json.dumps(result.record))
    assert record["device"] == "cpu"
    assert record["dtype"] == "float32"
    assert record["scan_backend"] is None
    assert record["seed"] == 0
    assert len(record["model"]["sha256"]["0"]) == 64
    assert record["settings"]["step_size"] == 0.7
    assert record["warnings"] == []
    assert set(record["durations_s"]) >= {"prepare", "segment", "finish"}
    assert "torch" in record["versions"]
    from mambamed.segmentation.predict import predict
    from mambamed.segmentation.settings import SegmentationSettings

    again = predict(model, image, SegmentationSettings.from_json(record["settings"]), NullReporter())
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again.labelmap), sitk.GetArrayFromImage(result.labelmap))


def test_scan_backend_is_recorded(tmp_path: Path) -> None:
    plans, configuration = make_plans()
    folder = write_model(tmp_path, plans, configuration, make_dataset(), trainer="nnUNetTrainerUMambaBot")
    small, _ = ellipsoid_phantom(size=(14, 20, 12))
    result = load_model(folder, device="cpu").predict(small, scan_backend="reference", precision="float32")
    assert result.record["scan_backend"] == "reference"
    with pytest.raises(DeviceUnavailableError, match="triton"):
        load_model(folder, device="cpu").predict(small, scan_backend="triton")


class Listener(NullReporter):
    def __init__(self, cancel_at: float = 2.0) -> None:
        self.fractions: list[float] = []
        self.cancel_at = cancel_at

    def progress(self, stage: str, fraction: float) -> None:
        self.fractions.append(fraction)

    def check_cancelled(self) -> None:
        if self.fractions and self.fractions[-1] >= self.cancel_at:
            raise JobCancelledError("The job was cancelled.")


def test_progress_runs_forward_to_the_end(model: SegmentationModel, image: sitk.Image) -> None:
    listener = Listener()
    model.predict(image, reporter=listener)
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == 1.0
    assert len(set(listener.fractions)) > 5


def test_cancel_half_way(model: SegmentationModel, image: sitk.Image) -> None:
    listener = Listener(cancel_at=0.5)
    with pytest.raises(JobCancelledError):
        model.predict(image, reporter=listener)
    assert max(listener.fractions) < 0.9


def test_overflow_in_a_narrow_format_is_repeated_in_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mambamed.segmentation import predict as module

    plans, configuration = make_plans()
    folder = write_model(tmp_path, plans, configuration, make_dataset(), folds=("0", "1"))
    small, _ = ellipsoid_phantom(size=(14, 20, 12))
    model = load_model(folder, device="cpu")
    expected = model.predict(small, precision="float32").labelmap
    make = module.make_inference_network

    def overflowing(network, state, device, precision, *more):  # type: ignore[no-untyped-def]
        made = make(network, state, device, precision, *more)
        if precision.name == "float32":
            return made
        return lambda windows: made(windows) * float("inf")

    monkeypatch.setattr(module, "make_inference_network", overflowing)
    result = model.predict(small, precision="bfloat16")
    assert result.record["dtype"] == "float32"
    assert any("overflowed in bfloat16" in text for text in result.record["warnings"])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(result.labelmap), sitk.GetArrayFromImage(expected))


class _Listener(NullReporter):
    """Keeps the lines of the log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)


def _with_small_twin(image: sitk.Image) -> sitk.Image:
    """Put a copy of half the size beside the phantom."""
    array = sitk.GetArrayFromImage(image)
    beside = np.full_like(array, np.median(array[0, 0]))
    small = array[::2, ::2, ::2]
    beside[: small.shape[0], : small.shape[1], -small.shape[2] :] = small
    both = sitk.GetImageFromArray(np.concatenate([array, beside], axis=2))
    both.SetSpacing(image.GetSpacing())
    return both


def test_one_piece_is_kept_where_the_card_says_so(trained_folder: Path, image: sitk.Image) -> None:
    image = _with_small_twin(image)
    model = load_model(trained_folder, device="cpu")
    everything = sitk.GetArrayFromImage(model.predict(image, precision="float32").labelmap)
    model.card = model.card.replace(keep_one_piece_opening_mm=2.0)
    listener = _Listener()
    found = sitk.GetArrayFromImage(model.predict(image, precision="float32", reporter=listener).labelmap)
    assert any("apart from the largest piece were removed" in line for line in listener.lines)
    assert 0 < (found > 0).sum() < (everything > 0).sum()
    kept = found > 0
    assert (found[kept] == everything[kept]).mean() > 0.9, "what stays keeps its label, but for the new border"
    box = [value for axis in range(3) for value in sorted((image.GetOrigin()[axis], image.GetOrigin()[axis] + 8.0))]
    listener.lines.clear()
    model.predict(image, precision="float32", region_of_interest_lps_mm=box, reporter=listener)
    assert any("region of interest" in line for line in listener.lines)
