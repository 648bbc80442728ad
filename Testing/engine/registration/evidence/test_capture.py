"""The measurement of capture ranges: truth, starts, simulated ultrasound, runs, tables."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.registration.evidence import capture
from mambamed.registration.evidence.capture import Effort
from mambamed.registration.evidence.capture import measure
from mambamed.registration.evidence.capture_report import capture_tables
from mambamed.registration.evidence.capture_report import write_capture_report
from mambamed.registration.evidence.cases import CaptureCase
from mambamed.registration.evidence.cases import error_mm
from mambamed.registration.evidence.cases import point_grid
from mambamed.registration.evidence.cases import rigid_transform
from mambamed.registration.evidence.cases import transformed_image
from mambamed.registration.evidence.labelled_pairs import dice
from mambamed.registration.evidence.labelled_pairs import labelled_tables
from mambamed.registration.evidence.simulated_ultrasound import simulate_ultrasound
from mambamed.registration.evidence.starts import BINS_MM
from mambamed.registration.evidence.starts import draw_starts_for


def blobs() -> sitk.Image:
    """Blobs at 4 mm, 100 mm wide, oblique."""
    noise = np.random.default_rng(4).normal(size=(24, 25, 26)).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 2.0)
    image.SetSpacing((4.0, 4.0, 4.0))
    image.SetOrigin((-48.0, -40.0, 10.0))
    return image


@pytest.fixture
def case() -> CaptureCase:
    image = blobs()
    centre = [0.0, 8.0, 56.0]
    truth = rigid_transform([6.0, -5.0, 4.0], [5.0, 3.0, -4.0], centre)
    return CaptureCase(
        "blobs", "Blobs", image, transformed_image(image, truth, 4.0), truth, point_grid(centre, 20.0), True
    )


def test_the_truth_takes_fixed_points_to_the_same_content(case):
    back = sitk.Resample(case.moving, case.fixed, case.truth, sitk.sitkLinear, 0.0)
    inner = (slice(5, -5),) * 3
    first, second = (sitk.GetArrayFromImage(image)[inner] for image in (case.fixed, back))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.97
    unmoved = sitk.GetArrayFromImage(sitk.Resample(case.moving, case.fixed))[inner]
    assert np.corrcoef(first.ravel(), unmoved.ravel())[0, 1] < 0.85


def test_starts_have_the_errors_of_their_bins(case):
    starts = draw_starts_for(case, 4, 3)
    assert [start.group for start in starts] == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [-1] * 3
    for start in starts[:16]:
        low, high = BINS_MM[start.group]
        assert low - 0.1 <= start.initial_error_mm <= high + 0.1
        assert error_mm(start.transform, case.truth, case.points_mm) == pytest.approx(start.initial_error_mm)
        matrix = np.reshape(start.transform.GetMatrix(), (3, 3))
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    again = draw_starts_for(case, 4, 3)
    assert [start.initial_error_mm for start in again] == [start.initial_error_mm for start in starts]


def test_the_error_of_a_shift_is_its_length(case):
    shift = sitk.TranslationTransform(3, (3.0, 0.0, 4.0))
    assert error_mm(shift, sitk.Transform(3, sitk.sitkIdentity), case.points_mm) == pytest.approx(5.0)


def test_simulated_ultrasound_is_a_fan_with_the_anatomy_in_it():
    anatomy = np.full((60, 60, 60), 100.0, np.float32)
    anatomy[:, :, 36:] = 20.0
    mr = sitk.GetImageFromArray(anatomy)
    mr.SetSpacing((2.0, 2.0, 2.0))
    image, fan = simulate_ultrasound(mr, np.array([20.0, 60.0, 60.0]), np.array([1.0, 0.0, 0.0]), 70.0, 2.0)
    values, inside = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(fan).astype(bool)
    assert (values[~inside] == 0).all()
    assert 0.1 < inside.mean() < 0.8

    def brightness(x_mm: float) -> float:
        index = image.TransformPhysicalPointToIndex((x_mm, 60.0, 60.0))
        near = values[index[2] - 4 : index[2] + 5, index[1] - 4 : index[1] + 5, index[0] - 1 : index[0] + 2]
        return float(near.mean())

    # The interface at 71 mm echoes; the darker tissue behind it is brighter in ultrasound than the bright before it.
    assert brightness(71.0) > 1.3 * brightness(50.0)
    assert brightness(80.0) > 1.3 * brightness(50.0)


def test_a_measurement_is_kept_and_told(case, tmp_path, monkeypatch):
    monkeypatch.setattr(capture, "build_case", lambda name, data: case)
    effort = Effort(local_per_bin=1, local_near=1, global_per_bin=0, global_near=0)
    heard: list[str] = []

    def go():
        return measure(
            tmp_path, tmp_path / "work", cases=("blobs",), methods=("mind-ssc",), effort=effort, say=heard.append
        )

    results = go()
    assert len(heard) == 1
    assert go() == results
    assert len(heard) == 1  # the second time nothing was measured
    (result,) = results
    assert result["optimum_error_mm"] < 4.0
    assert [run["group"] for run in result["runs"]] == [0, 1, 2, 3, -1]
    assert result["runs"][0]["final_mm"] < 5.0

    page = tmp_path / "page.md"
    page.write_text("before\n<!-- capture tables -->\nold\n<!-- end of capture tables -->\nafter\n")
    write_capture_report(results, tmp_path / "page")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| MIND-SSC | local | 100 % (1/1) |" in text
    assert json.loads((tmp_path / "page.json").read_text(encoding="utf-8")) == results


def test_tables_count_what_converged():
    runs = [
        {"group": 0, "global": False, "initial_mm": 5.0, "final_mm": final, "evaluations": 10, "seconds": 1.0}
        for final in (1.0, 3.0, 20.0)
    ]
    result = {"case": "a", "title": "A", "near": [20, 25], "method": "disa", "preparation_seconds": 1.0}
    text = capture_tables([{**result, "optimum_error_mm": 0.5, "runs": runs}])
    assert "| DISA-LC2 | local | 67 % (2/3) | - | - | - | - | 2.0 mm | 10 | 2.0 | 0.5 mm |" in text


def test_dice_follows_the_transform():
    array = np.zeros((12, 12, 12), np.uint8)
    array[3:7, 3:7, 3:7] = 1
    mask = sitk.GetImageFromArray(array)
    assert dice(mask, mask, sitk.Transform(3, sitk.sitkIdentity)) == 1.0
    assert dice(mask, mask, sitk.TranslationTransform(3, (2.0, 0.0, 0.0))) == pytest.approx(0.5)


def test_labelled_tables_have_a_line_per_method():
    prostates = [
        {"case": name, "method": "disa", "before": 0.5, "after": after, "seconds": 1.0}
        for name, after in (("a", 0.6), ("b", 0.4))
    ]
    section = {"method": "disa", "transform": "rigid", "search": "local", "landmarks": 3}
    sections = [{**section, "before": 9.0, "after": 4.0, "largest": 6.0, "seconds": 2.0}]
    text = labelled_tables(prostates, sections)
    assert "| disa | 0.500 | 0.500 | 0.400 | 1 of 2 | 1.0 |" in text
    assert "| disa | rigid | local | 9.0 | 4.0 | 6.0 | 2.0 |" in text
