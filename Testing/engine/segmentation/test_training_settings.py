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
        ({"training_processes": 0}, "training processes"),
        ({"nodes": 0}, "nodes"),
        ({"recipe": "brain-tissue-mr"}, "either"),
        ({"dataset": ""}, "either"),
        ({"colour": "blue"}, "Unknown training settings: colour"),
        ({"epochs": "many"}, "wrong type"),
    ],
)
def test_wrong_values_are_refused_with_what_is_expected(changes: dict, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        SegmentationTrainingSettings.from_json({"dataset": "/data/Dataset012_Liver", **changes})


@pytest.mark.parametrize(
    ("folder", "name", "number"),
    [
        ("/data/Dataset012_Liver", "Dataset012_Liver", 12),
        ("/data/my livers, 2024", "Dataset900_mylivers2024", 900),
        ("/data/Dataset0_X", "Dataset900_Dataset0X", 900),
        ("/data/_", "Dataset900_Cases", 900),
    ],
)
def test_other_folders_get_a_name_that_nnunet_takes(folder: str, name: str, number: int) -> None:
    settings = SegmentationTrainingSettings(dataset=folder)
    assert (settings.dataset_name, settings.dataset_id) == (name, number)
