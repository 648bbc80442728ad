"""The judge of registration networks: labels grouped, pairs read from a folder, methods side by side, tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from engine.registration.deformed import smooth_field
from engine.registration.one_pass.fitted_network import shifting_model
from engine.registration.structured import structured_image
from mambamed.errors import BadRequestError
from mambamed.registration.evidence import network_pairs
from mambamed.registration.evidence.brain_structures import STRUCTURES
from mambamed.registration.evidence.brain_structures import grouped
from mambamed.registration.evidence.brain_structures import structure_dice
from mambamed.registration.evidence.network_picture import draw_pair

METHODS = ("network", "network+mind-ssc", "b-spline")


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    """Two made-up subjects: the second is the first one deformed."""
    folder = tmp_path / "heads"
    folder.mkdir()
    image = structured_image(11, (28, 40, 26), spacing_mm=3.0, detail=3.0)
    array = sitk.GetArrayFromImage(image)
    labels = np.select([array > 60, array > 25, array < -50], [59, 4, 35], 0).astype(np.int16)
    regions = sitk.GetImageFromArray(labels)
    regions.CopyInformation(image)
    field = smooth_field(image, 6.0, sigma=6.0)
    for name, transform in (("A", sitk.Transform(3, sitk.sitkIdentity)), ("B", field)):
        moved = sitk.Resample(image, image, transform, sitk.sitkLinear, 0.0)
        sitk.WriteImage(moved, str(folder / f"{name}_T1.nii.gz"))
        sitk.WriteImage(200.0 - moved, str(folder / f"{name}_FL.nii.gz"))
        moved_labels = sitk.Resample(regions, image, transform, sitk.sitkNearestNeighbor)
        sitk.WriteImage(moved_labels, str(folder / f"{name}_T1_DLMUSE.nii.gz"))
    return folder


def test_thirty_structures_and_their_dice() -> None:
    assert len(STRUCTURES) == 30
    values = [value for values in STRUCTURES.values() for value in values]
    assert len(set(values)) == len(values)
    labels = np.array([[59, 60, 4, 1], [0, 207, 206, 4]])
    names = ["", *STRUCTURES]
    found = [[names[number] for number in row] for row in grouped(labels)]
    assert found[0] == ["thalamus", "thalamus", "third ventricle", ""]
    assert found[1] == ["", "temporal cortex, left", "temporal cortex, right", "third ventricle"]
    fixed = grouped(np.array([59, 59, 59, 4]))
    moved = grouped(np.array([59, 60, 4, 35]))
    assert structure_dice(fixed, moved) == {"third ventricle": 0.0, "thalamus": pytest.approx(4 / 5)}


def test_pairs_are_different_subjects(tmp_path: Path) -> None:
    for name in "CAB":
        (tmp_path / f"{name}_T1_DLMUSE.nii.gz").touch()
    assert network_pairs.pairs_of_subjects(tmp_path) == [("A", "B"), ("B", "C"), ("C", "A")]
    assert len(set(network_pairs.pairs_of_subjects(tmp_path, 5))) == 6
    with pytest.raises(BadRequestError, match="holds 0 files"):
        network_pairs.pairs_of_subjects(tmp_path / "nothing")


def test_labels_follow_a_person_who_moved_between_scans(heads: Path) -> None:
    moved = sitk.TranslationTransform(3, (6.0, -3.0, 4.5))
    path = heads / "A_FL.nii.gz"
    flair = sitk.ReadImage(str(path))
    sitk.WriteImage(sitk.Resample(flair, flair, moved, sitk.sitkLinear, 200.0), str(path))
    fixed = sitk.ReadImage(str(path), sitk.sitkFloat32)
    found = network_pairs._from_own_t1(heads, "A", "T1-FLAIR", fixed)
    centre = fixed.TransformContinuousIndexToPhysicalPoint([size / 2 for size in fixed.GetSize()])
    assert np.linalg.norm(np.subtract(found.TransformPoint(centre), moved.TransformPoint(centre))) < 1.5
    same = network_pairs._from_own_t1(heads, "A", "T1-T1", fixed)
    assert same.TransformPoint(centre) == centre


def test_methods_are_compared_and_written(
    heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shifting_model(tmp_path / "model", (0.2, 0.0, 0.0))
    monkeypatch.setattr("mambamed.registration.evidence.network_methods._STEPS", 3)
    monkeypatch.setattr("mambamed.registration.evidence.network_methods._ITERATIONS", 10)
    monkeypatch.setattr(network_pairs.torch, "set_num_threads", lambda count: None)
    stem = tmp_path / "result"
    stem.with_suffix(".md").write_text("# Page\n\n<!-- network tables -->\n<!-- end of network tables -->\n\nEnd\n")
    words = ["judge", "--data", str(heads), "--model", str(model), "--output", str(stem), "--pairs", "1"]
    words += [word for method in METHODS for word in ("--method", method)]
    monkeypatch.setattr(sys, "argv", words)
    network_pairs.main()
    rows = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))["rows"]
    assert {row["contrast"] for row in rows} == {"T1-T1", "T1-FLAIR"}
    by_method = {row["method"]: row for row in rows if row["contrast"] == "T1-T1"}
    assert list(by_method) == ["before", "affine", *METHODS]
    assert set(by_method["before"]["structures"]) == {"third ventricle", "thalamus", "brain stem"}
    assert by_method["network+mind-ssc"]["dice"] > by_method["affine"]["dice"]
    assert by_method["network"]["network_seconds"] > 0
    assert by_method["b-spline"]["dice"] > 0.3
    text = stem.with_suffix(".md").read_text(encoding="utf-8")
    assert text.startswith("# Page\n")
    assert text.endswith("\n\nEnd\n")
    assert "| network, one pass |" in text
    assert "| thalamus |" in text
    capsys.readouterr()
    network_pairs.main()
    assert "CPU s  folded" not in capsys.readouterr().out, "what is measured already is not measured again"
    models = {"network": str(shifting_model(tmp_path / "other", (0.1, 0.0, 0.0))), "disa": "disa-lc2"}
    kept = {row["method"] for row in network_pairs._known(stem, models)}
    assert kept == {"before", "affine", "b-spline"}, "what another network measured does not count"


def test_a_pair_is_drawn(heads: Path, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(heads / "A_T1.nii.gz"))
    draw_pair(image, {"affine": image}, image * 0.0 + 1.0, tmp_path / "pair.png")
    assert (tmp_path / "pair.png").stat().st_size > 5000
