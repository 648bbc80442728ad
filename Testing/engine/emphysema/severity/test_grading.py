"""Grading a CT with a model folder: probabilities with their spread, doubts, plain JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from engine.emphysema.small_lungs import SPACING_MM
from engine.emphysema.small_lungs import TINY
from engine.emphysema.small_lungs import two_lungs
from engine.emphysema.small_lungs import write_tiny_severity_model
from mambamed.emphysema.severity import grade
from mambamed.emphysema.severity import load_severity_model
from mambamed.emphysema.severity.cases import Case
from mambamed.emphysema.severity.cases import PreparedCase
from mambamed.emphysema.severity.prepare import prepare_lungs
from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.errors import BadRequestError


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("severity") / "tiny"
    configuration = SeverityConfiguration(**TINY)
    cases = []
    for seed in range(24):
        hu, lungs = two_lungs(0.02 * seed, seed)
        prepared = prepare_lungs(hu + seed - 12, lungs, SPACING_MM, configuration)
        cases.append(PreparedCase(Case(str(seed), folder, None, 0), prepared))
    return write_tiny_severity_model(folder, cases=cases)


def test_a_grade_has_probabilities_spread_and_interval(model_folder):
    hu, lungs = two_lungs(0.2, 5)
    result = grade(hu, lungs, SPACING_MM, model=str(model_folder), device="cpu")
    index = np.arange(4)
    assert sum(result.probabilities) == pytest.approx(1.0)
    assert result.grade == result.classes[int(np.argmax(result.probabilities))]
    assert result.expected_grade == pytest.approx(float(np.dot(result.probabilities, index)))
    variance = float(np.dot(result.probabilities, (index - result.expected_grade) ** 2))
    assert result.spread == pytest.approx(variance**0.5)
    low, high = result.interval
    assert sum(result.probabilities[low : high + 1]) >= 0.9
    assert result.demonstration
    assert not result.unlike_training
    assert any("demonstration" in sentence for _, sentence in result.warnings)
    assert "prepared" not in result.to_json()
    json.dumps(result.to_json(), allow_nan=False)


def test_a_scan_unlike_the_training_scans_is_flagged_with_the_reason(model_folder):
    hu, lungs = two_lungs(0.1, 3)
    result = grade(hu + 120.0, lungs, SPACING_MM, model=str(model_folder), device="cpu")
    assert result.unlike_training
    assert result.unlike_training_score > result.unlike_training_limit
    assert "density" in result.unlike_training_reason
    assert any("unlike" in sentence for _, sentence in result.warnings)


def test_a_loaded_model_is_used_again_and_weights_survive_half_precision(model_folder):
    loaded = load_severity_model(model_folder, "cpu")
    assert load_severity_model(model_folder, "cpu") is loaded
    hu, lungs = two_lungs(0.1, 1)
    one, two = (grade(hu, lungs, SPACING_MM, model=choice) for choice in (loaded, str(model_folder)))
    assert one.probabilities == two.probabilities


def test_other_models_and_damaged_ones_are_refused(model_folder, tmp_path):
    with pytest.raises(BadRequestError, match="not one that grades"):
        load_severity_model("brain-tissue-mr")
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in model_folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    configuration = json.loads((copy / "severity.json").read_text(encoding="utf-8"))
    (copy / "severity.json").write_text(json.dumps({**configuration, "hidden": 9}))
    with pytest.raises(BadRequestError, match="do not fit"):
        load_severity_model(copy)
