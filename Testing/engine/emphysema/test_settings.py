"""Settings are checked, survive JSON, and need the standard library only."""

from __future__ import annotations

import subprocess
import sys

import pytest
from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.errors import BadRequestError


def test_json_and_back():
    settings = EmphysemaSettings(
        compute=["explanations"], acquisition={"kernel": "B31f", "contrast": False}, lobe_names={"3": "left upper lobe"}
    )
    assert settings.compute == ("density", "severity", "explanations")
    assert settings.lobe_names == {3: "left upper lobe"}
    assert EmphysemaSettings.from_json(settings.to_json()) == settings
    assert settings.replace(noise_filter="median").noise_filter == "median"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"compute": ["guess"]}, "expected one of density"),
        ({"noise_filter": "strong"}, "expected one of off"),
        ({"gaussian_sigma_mm": 0}, "above 0"),
        ({"low_attenuation_thresholds_hu": []}, "at least one"),
        ({"low_attenuation_thresholds_hu": ["x"]}, "numbers in HU"),
        ({"high_attenuation_range_hu": [-250, -700]}, "lower and a higher"),
        ({"cluster_threshold_hu": 1e9}, "between -1024"),
        ({"lobe_names": {"0": "x"}}, "label value of 1"),
        ({"lung_values": []}, "one at least"),
        ({"lung_values": ["x"]}, "whole numbers"),
        ({"acquisition": {"kernels": "B"}}, "Unknown values of an acquisition: kernels"),
        ({"acquisition": {"slice_thickness_mm": "thick"}}, "expected 0.05"),
        ({"acquisition": {"contrast": "yes"}}, "expected true, false"),
        ({"colour": "red"}, "Unknown settings"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(BadRequestError, match=words):
        EmphysemaSettings.from_json(change)


def test_by_default_everything_is_computed_whose_model_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr("mambamed.models.catalogue.list_models", lambda: [])
    assert EmphysemaSettings().compute == ("density",)
    given = EmphysemaSettings(severity_model=str(tmp_path))
    assert given.compute == ("density", "severity", "explanations")
    assert EmphysemaSettings.from_json(given.to_json()).compute == given.compute
    assert EmphysemaSettings(pattern_model=str(tmp_path), severity_model=None).compute == ("density", "patterns")


def test_what_is_given_by_hand_goes_before_dicom():
    by_hand = Acquisition(kernel="B31f")
    dicom = Acquisition(kernel="B70f", kilovolt_peak=120)
    assert by_hand.filled_by(dicom) == Acquisition(kernel="B31f", kilovolt_peak=120)


def test_importing_settings_is_light():
    code = (
        "import sys, mambamed.emphysema, mambamed.emphysema.settings; "
        "assert not {'numpy', 'torch', 'SimpleITK', 'pydicom'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
