"""Model folders of detectors: written, found by the catalogue, loaded alike, refused when hostile."""

from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from engine.detection.tiny_detectors import detector_card
from mambamed.detection.description import DetectorDescription
from mambamed.detection.model import load_detector
from mambamed.detection.model import save_detector
from mambamed.detection.networks import DetectorSettings
from mambamed.detection.networks import build_detector
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.catalogue import list_models
from safetensors.torch import load_file
from safetensors.torch import save_file

MakeDetector = Callable[..., Path]


@pytest.mark.parametrize("backbone", ["lsknet", "resnet50"])
@pytest.mark.parametrize("prior_capturing", [True, False])
def test_a_saved_detector_predicts_as_before(tmp_path: Path, backbone: str, prior_capturing: bool) -> None:
    torch.manual_seed(1)
    settings = DetectorSettings(
        2, backbone=backbone, width=0.125, feature_channels=8, image_channels=1, prior_capturing=prior_capturing
    )
    network = build_detector(settings)
    network.train()
    network(torch.randn(2, 1, 48, 40))  # statistics of batch normalisation that are not the first ones
    network.eval()
    save_detector(tmp_path / "m", network, DetectorDescription(("a", "b"), settings), detector_card("a", "b"))
    loaded = load_detector(tmp_path / "m", "cpu")
    assert loaded.labels == ("a", "b")
    assert loaded.card.weights[0].bytes == (tmp_path / "m" / "weights.safetensors").stat().st_size
    assert not loaded.network.training
    picture = torch.randn(1, 1, 57, 63)
    with torch.inference_mode():
        expected, found = network(picture), loaded.network(picture)
    torch.testing.assert_close(found.cls_logits, expected.cls_logits, atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(found.boxes(), expected.boxes(), atol=0.1, rtol=5e-3)


def test_the_catalogue_finds_detectors_by_identifier_folder_and_zip(
    make_detector: MakeDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_detector(folder="user/tiny")
    assert [entry.card.task for entry in list_models(tmp_path / "user") if entry.card.id == "tiny-detector"] == [
        "detection"
    ]
    archive = tmp_path / "tiny.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for file in folder.iterdir():
            content.write(file, f"tiny/{file.name}")
    monkeypatch.setattr("mambamed.models.catalogue.user_models_folder", lambda: tmp_path / "user")
    monkeypatch.setattr("mambamed.models.archive.cache_folder", lambda: tmp_path / "cache")
    cards = {load_detector(name, "cpu").card.sha256() for name in ("tiny-detector", folder, archive)}
    assert len(cards) == 1


def test_a_model_is_loaded_once_and_again_when_it_has_changed(make_detector: MakeDetector) -> None:
    folder = make_detector()
    first = load_detector(folder, "cpu")
    assert load_detector(folder, "cpu") is first
    shutil.rmtree(folder)
    make_detector(seed=5)
    assert load_detector(folder, "cpu") is not first


def test_a_folder_with_a_model_is_not_overwritten(make_detector: MakeDetector) -> None:
    make_detector()
    with pytest.raises(BadRequestError, match=r"holds a model already"):
        make_detector()


def test_models_of_other_tasks_are_refused() -> None:
    with pytest.raises(BadRequestError, match=r"is for segmentation, not an oriented detector"):
        load_detector("brain-tissue-mr", "cpu")
    with pytest.raises(BadRequestError, match=r"There is no model 'nothing'"):
        load_detector("nothing", "cpu")


def _rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the weights, and the card so that it agrees."""
    path = folder / "weights.safetensors"
    tensors = load_file(str(path))
    change(tensors)
    save_file(tensors, str(path))
    card = ModelCard.read(folder)
    card.replace(weights=(CardWeights(path.name, sha256_of_file(path), path.stat().st_size),)).write(folder)


def test_weights_that_do_not_fit_are_refused(make_detector: MakeDetector) -> None:
    folder = make_detector()

    def too_large(tensors: dict[str, torch.Tensor]) -> None:
        tensors["head.classes.weight"] = torch.zeros(7, 8, 3, 3)

    _rewrite(folder, too_large)
    with pytest.raises(BadRequestError, match=r"does not fit detector.json: 0 .* 1 are unknown .*head.classes.weight"):
        load_detector(folder, "cpu")
    _rewrite(folder, lambda tensors: tensors.pop("head.classes.weight"))
    with pytest.raises(BadRequestError, match=r"1 tensors are missing"):
        load_detector(folder, "cpu")


def test_weights_that_are_not_numbers_are_refused(make_detector: MakeDetector) -> None:
    folder = make_detector()
    _rewrite(folder, lambda tensors: tensors["head.boxes.bias"].fill_(float("nan")))
    with pytest.raises(BadRequestError, match=r"head.boxes.bias .* not finite"):
        load_detector(folder, "cpu")


def test_a_description_of_a_huge_network_costs_no_memory(make_detector: MakeDetector) -> None:
    folder = make_detector()
    content = json.loads((folder / "detector.json").read_text(encoding="utf-8"))
    content["network"]["feature_channels"] = 10**6  # a single kernel of the head would take 36 terabytes
    (folder / "detector.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadRequestError, match=r"does not fit detector.json"):
        load_detector(folder, "cpu")


def test_pickled_and_replaced_weights_are_refused(make_detector: MakeDetector) -> None:
    folder = make_detector()
    torch.save({"head": torch.zeros(1)}, folder / "weights.pth")
    card = ModelCard.read(folder)
    original = card.weights
    card.replace(weights=(CardWeights("weights.pth", sha256_of_file(folder / "weights.pth")),)).write(folder)
    with pytest.raises(UnsafeFileError, match=r"expected one .safetensors"):
        load_detector(folder, "cpu")
    card.replace(weights=original).write(folder)
    with (folder / "weights.safetensors").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(BadRequestError, match=r"SHA-256 differs"):
        load_detector(folder, "cpu")


def test_card_and_description_must_name_the_same_classes(make_detector: MakeDetector, tmp_path: Path) -> None:
    settings = DetectorSettings(2, backbone="lsknet", width=0.125, feature_channels=8, image_channels=1)
    network = build_detector(settings)
    description = DetectorDescription(("a", "b"), settings)
    with pytest.raises(BadRequestError, match=r"labels b, a .* classes a, b"):
        save_detector(tmp_path / "m", network, description, detector_card("b", "a"))
    wrong_task = dataclasses.replace(detector_card("a", "b"), task="segmentation")
    with pytest.raises(BadRequestError, match=r"is for segmentation"):
        save_detector(tmp_path / "m", network, description, wrong_task)
    other = dataclasses.replace(description, network=dataclasses.replace(settings, feature_channels=16))
    with pytest.raises(BadRequestError, match=r"does not fit detector.json"):
        save_detector(tmp_path / "m", network, other, detector_card("a", "b"))
    assert not (tmp_path / "m").exists()
