"""Settings on their way into a job request and back."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from mambamed.errors import BadRequestError
from mambamed.jobs.settings_json import settings_from_json
from mambamed.jobs.settings_json import settings_to_json


@dataclass(frozen=True)
class Sample:
    epochs: int = 3
    shape: tuple[int, ...] = (1, 2)

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(self.shape))


def test_settings_come_back():
    settings = Sample(epochs=5, shape=(4, 6, 8))
    assert settings_from_json(Sample, json.loads(json.dumps(settings_to_json(settings))), "sample") == settings


def test_unknown_names_and_wrong_kinds_are_named():
    with pytest.raises(BadRequestError, match="Unknown settings of a sample: epoch, seeds"):
        settings_from_json(Sample, {"seeds": 1, "epoch": 2}, "sample")
    with pytest.raises(BadRequestError, match="A setting of the sample has the wrong type"):
        settings_from_json(Sample, {"shape": 3}, "sample")
