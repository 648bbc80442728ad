"""Local patterns: networks, folds, baselines, classification of patches and of whole lungs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from mambamed.emphysema.patterns import PATTERN_CODES
from mambamed.emphysema.patterns import classify_patches
from mambamed.emphysema.patterns import classify_patterns_map
from mambamed.emphysema.patterns.baselines import histogram_neighbours
from mambamed.emphysema.patterns.baselines import laa950_threshold
from mambamed.emphysema.patterns.card import pattern_card
from mambamed.emphysema.patterns.dataset import LabelledPatches
from mambamed.emphysema.patterns.dataset import folds
from mambamed.emphysema.patterns.dataset import read_patches
from mambamed.emphysema.patterns.model import write_pattern_model
from mambamed.emphysema.patterns.network import PatternNetwork
from mambamed.emphysema.patterns.train_job import train_patterns
from mambamed.emphysema.patterns.training_settings import PatternTrainingSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter

MEANS_HU = (-850, -700, -970, -880, -910, -940)


def _patches(count: int = 15, seed: int = 0) -> LabelledPatches:
    """Patches whose class is their mean density."""
    random = np.random.default_rng(seed)
    targets = np.repeat(np.arange(6), count)
    patches = np.array(MEANS_HU)[targets][:, None, None] + random.normal(0, 12, (len(targets), 31, 31))
    return LabelledPatches(patches.astype(np.float32), targets)


def _write(path, data: LabelledPatches):
    labels = np.array(PATTERN_CODES)[data.targets]
    np.savez(path, patches=data.patches_hu.astype(np.int16), labels=labels)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patterns")
    settings = PatternTrainingSettings(
        patches=str(_write(folder / "patches.npz", _patches())),
        networks=1,
        epochs=6,
        batch_size=15,
        splits=("blocks",),
        device="cpu",
    )
    report = train_patterns(settings, folder / "work", folder / "model", NullReporter())
    return folder / "model", report


def test_training_learns_classes_that_density_tells_and_reports_beside_baselines(trained):
    folder, report = trained
    assert report["blocks"]["network"]["accuracy"] > 0.8
    assert np.sum(report["blocks"]["network"]["confusion"]) == 90
    assert report["blocks"]["histogram_neighbours"]["accuracy"] > 0.9
    codes, probabilities = classify_patches(_patches(3, seed=9).patches_hu, model=str(folder), device="cpu")
    assert probabilities.shape == (18, 6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    assert np.mean(codes == np.repeat(PATTERN_CODES, 3)) > 0.8
    card = json.loads((folder / "model-card.json").read_text(encoding="utf-8"))
    assert len(card["metrics"]) == 6


def test_the_answer_does_not_depend_on_how_a_patch_is_turned(trained):
    patches = _patches(2, seed=4).patches_hu
    turned = np.rot90(patches, 1, (1, 2))[:, ::-1]
    one, two = (
        classify_patches(np.ascontiguousarray(p), model=str(trained[0]), device="cpu")[1] for p in (patches, turned)
    )
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_map_finds_the_pattern_of_each_region_on_any_pixel_size(trained):
    random = np.random.default_rng(1)
    hu = np.full((5, 70, 90), 30.0)
    lungs = np.zeros(hu.shape, bool)
    lungs[1:4, 10:60, 10:80] = True
    left = np.arange(90) < 45
    hu[lungs] = -850.0
    hu[lungs & left] = -970.0
    hu += random.normal(0, 12, hu.shape)
    found = classify_patterns_map(hu, lungs, (2.5, 0.8, 0.7), model=str(trained[0]), device="cpu", stride_mm=5.0)
    assert (found.labels[~lungs] == 0).all()
    assert (found.labels[lungs] > 0).all()
    deep = np.zeros_like(lungs)
    deep[1:4, 25:45, 25:30] = True
    assert found.percent(deep)["PL"] > 80.0
    deep[:] = False
    deep[1:4, 25:45, 62:66] = True
    assert found.percent(deep)["NT"] > 80.0
    assert sum(found.percent(lungs).values()) == pytest.approx(100.0)
    assert [kind for kind, _ in found.warnings] == ["patterns"]
    with pytest.raises(BadRequestError, match="No lungs"):
        classify_patterns_map(hu, np.zeros_like(lungs), (2.5, 0.8, 0.7), model=str(trained[0]))


def test_folds_are_stratified_and_copies_stay_together():
    data = _patches(20)
    data.patches_hu[7] = data.patches_hu[3]
    for split in ("random", "blocks"):
        fold = folds(data, split)
        assert set(fold) == set(range(5))
        counts = [np.bincount(data.targets[fold == index], minlength=6) for index in range(5)]
        assert np.min(counts) >= 3
    assert folds(data, "random")[7] == folds(data, "random")[3]
    assert (np.diff(folds(data, "blocks")[:20]) >= 0).all()
    with pytest.raises(BadRequestError, match="split"):
        folds(data, "patients")


def test_baselines_tell_classes_that_differ_in_density():
    train, test = _patches(10, 1), _patches(5, 2)
    for baseline, least in ((laa950_threshold, 0.4), (histogram_neighbours, 0.95)):
        found = baseline(train.patches_hu, train.targets, test.patches_hu)
        assert np.mean(found == test.targets) > least


def test_attention_network_takes_any_patch_size_and_is_small():
    network = PatternNetwork().eval()
    with torch.no_grad():
        for size in (28, 31, 45):
            assert network(torch.full((2, size, size), -860.0)).shape == (2, 6)
    assert sum(parameter.numel() for parameter in network.parameters()) * 2 < 500_000


def test_bad_patches_and_models_are_refused(tmp_path):
    with pytest.raises(BadRequestError, match="shape"):
        classify_patches(np.zeros((2, 30, 31)), model="emphysema-patterns")
    with pytest.raises(BadRequestError, match="finite"):
        classify_patches(np.full((1, 31, 31), np.nan))
    with pytest.raises(BadRequestError, match="cannot be read"):
        read_patches(tmp_path / "none.npz")
    data = _patches(2)
    with pytest.raises(BadRequestError, match="at least 5"):
        read_patches(_write(tmp_path / "few.npz", data))
    np.savez(tmp_path / "odd.npz", patches=np.zeros((6, 31, 31)), labels=np.array(["XX"] * 6))
    with pytest.raises(BadRequestError, match="XX"):
        read_patches(tmp_path / "odd.npz")
    report = {"patches": 6}
    write_pattern_model(tmp_path / "model", [PatternNetwork()], pattern_card(report))
    (tmp_path / "model" / "patterns.json").write_text('{"networks": 2, "codes": []}')
    with pytest.raises(BadRequestError, match="cannot be read"):
        classify_patches(np.zeros((1, 31, 31)), model=str(tmp_path / "model"), device="cpu")
