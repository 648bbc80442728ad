"""The bundled demonstration detector: its card, its size, and that it finds what it was trained for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mambamed.detection.data_folder import read_data_folder
from mambamed.detection.model import load_detector
from mambamed.detection.synthetic import write_data_set
from mambamed.detection.synthetic.settings import DOMAINS
from mambamed.detection.training.measuring import measure_detector
from mambamed.detection.training.settings import PRESETS
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.jobs.reporter import NullReporter
from mambamed.models.catalogue import find_model

_NAME = "oriented-ct-dcfl"


def test_its_card_and_files() -> None:
    entry = find_model(_NAME)
    assert entry.card.task == "detection"
    assert entry.card.demonstration_only
    assert "Not for clinical use" in entry.card.intended_use
    assert tuple(label.name for label in entry.card.labels) == DOMAINS["ct"]
    assert sum(file.stat().st_size for file in entry.folder.rglob("*")) < 10_000_000


def test_it_finds_objects_about_as_well_as_its_card_says(tmp_path: Path) -> None:
    model = load_detector(_NAME, device="cpu")
    settings = DetectionTrainingSettings(synthetic="ct", **PRESETS["cpu"], device="cpu")
    write_data_set(tmp_path / "pictures", settings.synthetic_pictures, "test", 8)
    images = read_data_folder(tmp_path / "pictures")
    measured = measure_detector(model.network, images, model.labels, settings, NullReporter())
    (stated,) = (metric for metric in model.card.metrics if metric.name.startswith("AP50") and not metric.label)
    # The card's value is from more pictures; eight of them scatter around it.
    assert np.isclose(measured["ap50"], stated.value, atol=0.15)
