from __future__ import annotations

import pytest
from mambamed.errors import BadRequestError
from mambamed.segmentation.training_settings import SegmentationTrainingSettings


def test_round_trip() -> None:
    settings = SegmentationTrainingSettings(
        dataset="/data/Dataset012_Liver", architecture="resenc", fold="3", time_limit_minutes=5.0
    )
    assert SegmentationTrainingSettings.from_json(settings.to_json()) == settings
    assert settings.dataset_id == 12


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "transformer"}, "umamba-bot"),
        ({"fold": "5"}, "all"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"time_limit_minutes": -1.0}, "time limit"),
        ({"dataset": "/data/liver"}, "Dataset001_Liver"),
        ({"dataset": "/data/Dataset0_X"}, "Dataset001_Liver"),
        ({"recipe": "brain-tissue-mr"}, "either"),
        ({"dataset": ""}, "either"),
        ({"colour": "blue"}, "Unknown training settings: colour"),
        ({"epochs": "many"}, "wrong type"),
    ],
)
def test_wrong_values_are_refused_with_what_is_expected(changes: dict, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        SegmentationTrainingSettings.from_json({"dataset": "/data/Dataset012_Liver", **changes})
