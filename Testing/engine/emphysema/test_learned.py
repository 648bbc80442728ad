"""Patterns, severity and explanations inside the whole analysis: on the CT's grid, in the record, in the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from engine.emphysema.conftest import draw_chest
from engine.emphysema.small_lungs import write_tiny_severity_model
from mambamed.emphysema import analyze
from mambamed.emphysema import job as emphysema_job
from mambamed.emphysema.learned import pattern_percent
from mambamed.emphysema.patterns.codes import PATTERN_CODES
from mambamed.emphysema.patterns.model import write_pattern_model
from mambamed.emphysema.patterns.network import PatternNetwork
from mambamed.errors import BadRequestError
from mambamed.imaging.geometry import same_grid
from mambamed.imaging.orientation import reorient
from mambamed.jobs.context import JobContext
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.request import JobRequest
from mambamed.models.card import ModelCard


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """An untrained severity model and an untrained pattern model."""
    import torch

    folder = tmp_path_factory.mktemp("models")
    severity = write_tiny_severity_model(folder / "severity")
    torch.manual_seed(0)
    card = ModelCard.read(severity).replace(id="tiny-patterns", title="Tiny patterns")
    write_pattern_model(folder / "patterns", [PatternNetwork().eval()], card)
    return {"severity_model": str(severity), "pattern_model": str(folder / "patterns")}


@pytest.fixture(scope="module")
def chest_with_lesion():
    chest = draw_chest(spacing_mm=(8.0, 5.0, 6.0), noise_hu=5.0)
    inside = np.argwhere(chest.left)
    z, y, x = inside[len(inside) // 2]
    chest.hu[z - 3 : z + 3, y - 4 : y + 4, x - 3 : x + 3] = -985
    return chest


METHODS = ("attention", "grad-cam")


def test_everything_in_one_analysis(models, chest_with_lesion):
    ct = reorient(chest_with_lesion.image(), "RAS")
    result = analyze(
        ct,
        models["severity_model"],
        pattern_model=models["pattern_model"],
        compute=("patterns", "explanations"),
        explanation_methods=METHODS,
    )
    inside = sitk.GetArrayFromImage(result.lungs) > 0
    assert set(result.maps) == set(METHODS)
    for image in (*result.maps.values(), result.patterns.labelmap):
        assert same_grid(image, ct)
        assert not np.any(sitk.GetArrayFromImage(image)[~inside])
    assert np.all(sitk.GetArrayFromImage(result.patterns.labelmap)[inside] > 0)
    assert sum(result.severity.probabilities) == pytest.approx(1.0)
    for percent in result.patterns.percent.values():
        assert sum(percent.values()) == pytest.approx(100.0)
    assert set(result.patterns.percent) == set(result.regions)
    for method in METHODS:
        assert result.explanations[method].checks
        assert set(result.explanations[method].region_scores) == set(result.regions)
    failed = {name for name, found in result.explanations.items() if any(c.passed is False for c in found.checks)}
    told = [warning.message for warning in result.warnings if warning.kind == "explanations"]
    assert all(any(name in message for message in told) for name in failed)
    assert any("demonstration" in warning.message for warning in result.warnings if warning.kind == "severity")
    plain = analyze(ct, compute=("density",))
    assert dict(plain.regions["left lung"]) == dict(result.regions["left lung"])


def test_job_writes_all_and_the_report(models, chest_with_lesion, tmp_path):
    sitk.WriteImage(chest_with_lesion.image(), str(tmp_path / "ct.nii.gz"))
    expert = chest_with_lesion.image((chest_with_lesion.hu == -985).astype(np.uint8))
    sitk.WriteImage(expert, str(tmp_path / "expert.nii.gz"))
    request = JobRequest(
        task="emphysema",
        inputs=[{"name": name, "path": str(tmp_path / f"{name}.nii.gz")} for name in ("ct", "expert")],
        settings={**models, "compute": ["patterns", "explanations"], "explanation_methods": ["grad-cam"], "seed": 3},
    )
    directory = JobDirectory(tmp_path / "job").create(request)
    job = JobContext(directory.path)
    job.begin()
    emphysema_job.run(request, job)
    job.complete()
    record = directory.result()
    assert {"patterns", "explanation:grad-cam", "report", "report_pdf"} <= set(record["outputs"])
    assert all((directory.path / path).stat().st_size > 0 for path in record["outputs"].values())
    assert [label["value"] for label in record["labels"]["patterns"]] == list(range(1, 7))
    assert record["severity"]["classes"]
    assert record["patterns"]["model"]["id"] == "tiny-patterns"
    checks = record["explanations"]["grad-cam"]["checks"]
    assert {"name", "value", "limit", "passed", "meaning"} <= set(checks[0])
    assert "demonstration" in Path(directory.outputs["report"]).read_text(encoding="utf-8")
    json.dumps(record, allow_nan=False)


def test_a_severity_of_none_grades_nothing(chest_with_lesion):
    result = analyze(chest_with_lesion.image(), compute=("explanations",), severity_model=None)
    assert result.severity is None
    assert result.maps == {}


def test_a_model_that_is_not_there_is_refused(chest_with_lesion):
    with pytest.raises(BadRequestError, match="no-such-model"):
        analyze(chest_with_lesion.image(), "no-such-model", compute=("severity",))


def test_percentages_of_patterns():
    labels = np.array([[[0, 1, 1, 2]]], dtype=np.uint8)
    regions = {"all": np.ones(labels.shape, bool), "none": labels == 0}
    found = pattern_percent(labels, PATTERN_CODES, regions)
    assert found["all"][PATTERN_CODES[0]] == pytest.approx(200 / 3)
    assert found["none"][PATTERN_CODES[0]] is None
