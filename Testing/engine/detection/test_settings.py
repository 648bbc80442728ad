"""Settings of a detection: defaults, round trip, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from mambamed.detection.settings import DetectionSettings
from mambamed.errors import BadRequestError
from mambamed.models.catalogue import find_model


def test_round_trip_through_json() -> None:
    settings = DetectionSettings(
        model="m",
        labels=("nodule",),
        slices=(2, 8),
        slice_axis="coronal",
        region_of_interest_lps_mm=(-1, 2.5, -3, 4, 5, 6),
        intensity_range=(-1000, 400),
        flips=True,
        score_threshold=0.3,
        tile_size_px=256,
        tile_overlap_px=32,
    )
    assert DetectionSettings.from_json(settings.to_json()) == settings
    assert DetectionSettings.from_json('{"model": "m", "labels": "nodule"}').labels == ("nodule",)
    assert settings.replace(slices=None).slices is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": 1}, "Unknown settings of a detection: colour"),
        ({"slice_axis": "k"}, "slice axis is 'k'"),
        ({"precision": "int8"}, "precision is 'int8'"),
        ({"model": 3}, "model is 3"),
        ({"flips": 1}, "flips is 1"),
        ({"score_threshold": 1.2}, "score_threshold is 1.2"),
        ({"nms_threshold": float("nan")}, "nms_threshold is nan"),
        ({"link_overlap": 0}, "link_overlap is 0"),
        ({"link_gap": -1}, "link_gap is -1"),
        ({"minimum_slices": 0}, "minimum_slices is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"tile_size_px": 8}, "tile_size_px is 8"),
        ({"tile_size_px": 64, "tile_overlap_px": 64}, "tile_overlap_px is 64"),
        ({"pixel_spacing_mm": 0}, "pixel_spacing_mm is 0"),
        ({"slices": 3}, "expected a list"),
        ({"slices": [5, 3]}, "the first and the last"),
        ({"slices": [0.5, 3]}, "slices is 0.5"),
        ({"region_of_interest_lps_mm": [0, 1, 2]}, "has 3 values"),
        ({"intensity_range": [400, -1000]}, "a lower and a higher value"),
        ({"labels": []}, "No label is chosen"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        DetectionSettings.from_json({"model": "m", **change})
    assert words in str(caught.value)


def test_the_default_model_comes_with_the_engine() -> None:
    entry = find_model(DetectionSettings().model)
    assert entry.is_bundled
    assert entry.card.task == "detection"


def test_settings_that_are_no_names_with_values_are_refused() -> None:
    for values in ("[1]", "{", [1]):
        with pytest.raises(BadRequestError, match="settings"):
            DetectionSettings.from_json(values)  # type: ignore[arg-type]
