"""Settings of a training: what they refuse, and that they go to JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mambamed.detection.training.method import MethodSettings
from mambamed.detection.training.settings import PRESETS
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.study import STUDY_ROWS
from mambamed.detection.training.study import choose_rows
from mambamed.errors import BadRequestError


def test_defaults_are_the_published_training() -> None:
    settings = DetectionTrainingSettings(dataset="tiles")
    assert settings.method_settings == MethodSettings("dcfl", "gjsd", 16, 12, 0.6, True, "iou")
    network = settings.network(18)
    assert (network.backbone, network.width, network.feature_channels) == ("resnet50", 1.0, 256)
    assert (settings.tile_px, settings.overlap_px, settings.epochs, settings.milestones) == (1024, 200, 12, (8, 11))
    assert (settings.optimizer, settings.learning_rate, settings.batch_size) == ("sgd", 0.0025, 2)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_go_to_json_and_back(preset: str) -> None:
    settings = DetectionTrainingSettings(synthetic="aerial", **PRESETS[preset])
    assert DetectionTrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"synthetic": ""}, "Name either"),
        ({"dataset": "folder"}, "Name either"),
        ({"synthetic": "sea"}, "domain"),
        ({"method": "yolo"}, "method"),
        ({"measure": "iou"}, "similarity"),
        ({"q": 0}, "q is 0"),
        ({"g": -1.0}, "0 or more"),
        ({"backbone": "vgg"}, "backbone"),
        ({"finest_stride": 2}, "stride"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"epochs": 0}, "epochs"),
        ({"overlap_px": 1024}, "overlap"),
        ({"held_out_share": 0.9}, "held-out"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"time_limit_minutes": 0.0}, "time_limit_minutes"),
        ({"batch_size": 1, "training_processes": 2}, "at least one tile"),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        DetectionTrainingSettings(**{"synthetic": "ct", **changes})


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(BadRequestError, match="Unknown"):
        DetectionTrainingSettings.from_json({"synthetic": "ct", "speed": 9})
    with pytest.raises(BadRequestError, match="wrong type"):
        DetectionTrainingSettings.from_json({"synthetic": "ct", "milestones": 3})


def test_rows_by_name_and_group() -> None:
    assert [row.name for row in choose_rows(["measure"])] == ["measure-kld", "measure-gwd", "measure-gjsd"]
    assert [row.name for row in choose_rows(["q-6", "method", "q-6"])] == ["q-6", "dcfl", "atss-o", "retinanet-o"]
    assert choose_rows(["all"]) == list(STUDY_ROWS)
    assert len({row.name for row in STUDY_ROWS}) == len(STUDY_ROWS) == 3 + 5 + 5 + 4 + 3
    with pytest.raises(BadRequestError, match="no row 'q-7'"):
        choose_rows(["q-7"])
