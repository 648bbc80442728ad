"""Training a severity model from a CSV: checks of the list, splits by patient, folds, grid, the model."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from engine.emphysema.small_lungs import SPACING_MM
from engine.emphysema.small_lungs import TINY
from engine.emphysema.small_lungs import two_lungs
from engine.emphysema.small_lungs import untrained_network
from mambamed.emphysema.severity import grade
from mambamed.emphysema.severity.cases import Case
from mambamed.emphysema.severity.cases import PreparedCase
from mambamed.emphysema.severity.cases import prepare_cases
from mambamed.emphysema.severity.cases import read_cases
from mambamed.emphysema.severity.cases import split_patients
from mambamed.emphysema.severity.prepare import prepare_lungs
from mambamed.emphysema.severity.refining import refine_heads
from mambamed.emphysema.severity.settings import CLASS_SETS
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.emphysema.severity.training import train_severity
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.jobs.reporter import NullReporter

PAPER = CLASS_SETS["paper"]


def _write_cases(folder, patients: int = 18):
    rows = []
    for number in range(patients):
        target = number % 3
        hu, lungs = two_lungs((0.02, 0.3, 0.75)[target], number)
        for name, array in (("ct", hu.astype(np.int16)), ("lungs", lungs.astype(np.uint8))):
            image = sitk.GetImageFromArray(array)
            image.SetSpacing(SPACING_MM[::-1])
            sitk.WriteImage(image, str(folder / f"{number}_{name}.nii.gz"))
        severity = PAPER[target] if number % 2 else str(target)
        rows.append([f"patient {number}", f"{number}_ct.nii.gz", f"{number}_lungs.nii.gz", severity])
    path = folder / "cases.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["patient", "ct", "lungs", "severity"], *rows])
    return path


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return _write_cases(tmp_path_factory.mktemp("cases"))


def _settings(cases, **changes):
    values = {**TINY, "classes": PAPER, "epochs": 12, "batch_size": 4, "learning_rate": 0.02, "patience": None}
    values.update(rotation_degrees=0.0, elastic_share=0.0, dropout=0.0, device="cpu")
    return SeverityTrainingSettings(cases=str(cases), **{**values, **changes})


def test_a_training_learns_and_leaves_a_model_with_report(cases, tmp_path):
    settings = _settings(
        cases, folds=2, epochs=8, grid={"learning_rate": [1e-6, 0.02], "head": ["both"]}, grid_epochs=2
    )
    report = train_severity(settings, tmp_path / "work", tmp_path / "model")
    assert report["split"]["train"] + report["split"]["validation"] + report["split"]["test"] == 18
    assert len(report["cross_validation"]["folds"]) == 2
    assert 0.0 <= report["cross_validation"]["summary"]["accuracy"]["mean"] <= 1.0
    assert len(report["grid"]) == 2
    best = min(report["grid"], key=lambda trial: trial["ranked_probability_score"])
    assert report["settings"]["learning_rate"] == best["settings"]["learning_rate"]
    assert report["test"]["rmse"] <= 1.0
    assert json.loads((tmp_path / "model" / "report.json").read_text(encoding="utf-8"))["classes"] == list(PAPER)
    hu, lungs = two_lungs(0.75, 99)
    result = grade(hu, lungs, SPACING_MM, model=str(tmp_path / "model"), device="cpu")
    assert result.classes == PAPER
    assert not result.demonstration
    assert (
        result.expected_grade
        > grade(*two_lungs(0.02, 98), SPACING_MM, model=str(tmp_path / "model"), device="cpu").expected_grade
    )


def test_augmented_training_with_the_plateau_scheduler_and_early_stopping_runs(cases, tmp_path):
    settings = _settings(
        cases, epochs=2, rotation_degrees=10.0, elastic_share=1.0, scheduler="plateau", patience=1, precision="bfloat16"
    )
    report = train_severity(settings, tmp_path / "work", tmp_path / "model")
    assert report["test"]["cases"] >= 3


def test_the_same_seed_gives_the_same_model(cases, tmp_path):
    reports = [
        train_severity(_settings(cases, epochs=1), tmp_path / f"work{run}", tmp_path / f"model{run}") for run in (0, 1)
    ]
    assert reports[0]["test"] == reports[1]["test"]


def test_a_cancelled_training_goes_on_from_its_checkpoint(cases, tmp_path):
    class Cancels(NullReporter):
        steps = 0

        def progress(self, stage, fraction):
            self.steps += stage.startswith("training")
            self.stage = stage

        def check_cancelled(self):
            if self.steps > 7:
                raise JobCancelledError("The job was cancelled.")

    reporter = Cancels()
    with pytest.raises(JobCancelledError):
        train_severity(_settings(cases, epochs=4), tmp_path / "work", tmp_path / "model", reporter)
    assert (tmp_path / "work" / "final" / "last.ckpt").is_file()
    seen = []

    class Records(NullReporter):
        def progress(self, stage, fraction):
            seen.append(stage)

    train_severity(_settings(cases, epochs=4), tmp_path / "work", tmp_path / "model", Records(), resume=True)
    assert "training, epoch 1" not in seen
    assert "training, epoch 4" in seen


def test_attention_and_heads_train_on_while_the_convolutions_stay(cases, tmp_path):
    settings = _settings(cases, head_epochs=80)
    prepared = prepare_cases(read_cases(cases, PAPER), settings.configuration, tmp_path)
    network = untrained_network(classes=PAPER)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start = refine_heads(network, prepared, prepared, settings.replace(head_epochs=0), NullReporter(), "test")
    assert refine_heads(network, prepared, prepared, settings, NullReporter(), "test") < 0.9 * start
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]) == (name.startswith("stages."))


def test_the_heads_learn_from_changed_copies_of_each_scan_too(cases, tmp_path):
    settings = _settings(cases, head_epochs=0, head_copies=2, noise_hu=20.0)
    prepared = prepare_cases(read_cases(cases, PAPER), settings.configuration, tmp_path)
    network = untrained_network(classes=PAPER)
    losses = [
        refine_heads(network, prepared, prepared, settings.replace(head_copies=copies), NullReporter(), "test")
        for copies in (0, 2, 2)
    ]
    assert losses[0] != losses[1] == losses[2]
    with pytest.raises(BadRequestError, match="copies"):
        settings.replace(head_copies=-1)


def test_an_even_attention_in_healthy_scans_is_learned_with_the_heads():
    classes = CLASS_SETS["four"][:3]
    settings = SeverityTrainingSettings(
        cases="cases.csv", **{**TINY, "classes": classes, "head_epochs": 40, "learning_rate": 0.02}
    )
    prepared = []
    for number in range(6):
        lungs = prepare_lungs(*two_lungs((0.02, 0.3, 0.75)[number % 3], number), SPACING_MM, settings.configuration)
        prepared.append(PreparedCase(Case(f"p{number}", None, None, number % 3), lungs))
    uneven = []
    for weight in (0.0, 3.0):
        network = untrained_network(classes=classes)
        refine_heads(network, prepared, prepared, settings.replace(even_attention=weight), NullReporter(), "test")
        values = torch.from_numpy(prepared[0].lungs.values)[None, None]
        mask = torch.from_numpy(prepared[0].lungs.mask)[None, None].float()
        with torch.no_grad():
            attention = network.pooled(values, mask)[1].flatten(1)
            uneven.append(float(network.unevenness(attention, torch.tensor([0]))))
    assert uneven[1] < uneven[0]


def test_parts_share_no_patient_and_have_all_classes():
    cases = [Case(f"p{number // 2}", None, None, (number // 2) % 4) for number in range(160)]
    parts = split_patients(cases, (0.7, 0.15, 0.15), 3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(160))
    patients = [{cases[index].patient for index in part} for part in parts]
    assert len(set.union(*patients)) == sum(len(names) for names in patients)
    for part, share in zip(parts, (0.7, 0.15, 0.15), strict=True):
        counts = np.bincount([cases[index].target for index in part], minlength=4)
        np.testing.assert_allclose(counts, 40 * share, atol=2.1)


def test_all_problems_of_a_list_are_told_at_once(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("ct,severity\nmissing.nii.gz,mild\n,severe\ncases.csv,terrible\n")
    with pytest.raises(BadRequestError, match=r"line 2: no file .*line 3: no ct.*line 4: the severity 'terrible'"):
        read_cases(path, PAPER)
    path.write_text("image,grade\na,b\n")
    with pytest.raises(BadRequestError, match="columns ct and severity"):
        read_cases(path, PAPER)
    path.write_text("ct,severity\ncases.csv,mild\n")
    with pytest.raises(BadRequestError, match="no case of class moderate, severe"):
        read_cases(path, PAPER)
    with pytest.raises(BadRequestError, match="cannot be read"):
        read_cases(tmp_path / "none.csv", PAPER)


def test_too_few_patients_of_a_class_are_refused(tmp_path):
    path = _write_cases(tmp_path, 9)
    with pytest.raises(BadRequestError, match="at least 4"):
        train_severity(_settings(path), tmp_path / "work", tmp_path / "model")


@pytest.mark.parametrize(
    "change",
    [
        {"cases": ""},
        {"recipe": "emphysema-severity-demo"},
        {"scheduler": "cosine"},
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"folds": 1},
        {"grid": {"colour": [1]}},
        {"grid": {"epochs": []}},
        {"precision": "float8"},
        {"head": "none"},
        {"faded_share": 1.5},
        {"healed_share": 1.0},
        {"healed_share": 0.1, "classes": PAPER},
        {"even_attention": 0.1, "classes": PAPER},
        {"even_attention": -0.1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change):
    with pytest.raises(BadRequestError):
        SeverityTrainingSettings(**{"cases": "cases.csv", **change})
