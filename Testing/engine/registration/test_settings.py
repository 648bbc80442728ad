"""Settings of a registration are checked when they are made, take presets and survive JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mambamed.errors import BadRequestError
from mambamed.registration.presets import PRESETS
from mambamed.registration.settings import RegistrationSettings


def test_json_round_trip() -> None:
    settings = RegistrationSettings(
        method="mind-ssc",
        transform="deformable",
        region_of_interest_lps_mm=[0, 1, 2, 3, 4, 5],  # type: ignore[arg-type]
        probe_position_lps_mm=(1.0, 2.0, 3.0),
    )
    text = json.dumps(settings.to_json())
    assert RegistrationSettings.from_json(text) == settings
    assert settings.region_of_interest_lps_mm == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets_fill_what_is_not_given(preset: str) -> None:
    settings = RegistrationSettings.for_preset(preset)
    assert settings.preset == preset
    for name, value in PRESETS[preset].values.items():
        assert getattr(settings, name) == value
    assert RegistrationSettings.from_json(settings.to_json()) == settings
    changed = RegistrationSettings.for_preset(preset, transform="rigid", starts=7)
    assert (changed.transform, changed.starts, changed.method) == ("rigid", 7, settings.method)


def test_search_ranges() -> None:
    assert RegistrationSettings(search="global-wide").search_ranges == (40.0, 150.0)
    assert RegistrationSettings(search="global-narrow", rotation_range_deg=5).search_ranges == (5, 25.0)
    assert RegistrationSettings().search_ranges == (0.0, 0.0)


def test_networks_are_named_by_their_model() -> None:
    settings = RegistrationSettings(method="network:brain", transform="deformable", similarity="disa")
    assert (settings.network, settings.compared_by) == ("brain", "disa")
    assert RegistrationSettings.from_json({"method": "network:brain"}).transform == "deformable"
    other = RegistrationSettings(method="lc2")
    assert (other.network, other.compared_by) == (None, "lc2")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "sift"}, 'method is "sift"'),
        ({"method": 3}, 'method is "3"'),
        ({"method": "network:", "transform": "deformable"}, "expected a model behind it"),
        ({"method": "network:brain", "transform": "rigid"}, "a deformable transform"),
        ({"similarity": "ncc"}, 'similarity is "ncc"'),
        ({"transform": "spline"}, 'transform is "spline"'),
        ({"method": "mattes", "transform": "deformable"}, '"mattes" has no deformable'),
        ({"preset": "knee"}, 'preset is "knee"'),
        ({"search": "wide"}, 'search is "wide"'),
        ({"initial": "guess"}, "initial"),
        ({"precision": "float8"}, "precision"),
        ({"effort": "huge"}, "effort"),
        ({"stride": 3}, "stride is 3"),
        ({"starts": 0}, "starts is 0"),
        ({"starts": 1.5}, "starts is 1.5"),
        ({"working_spacing_mm": 0}, "above 0"),
        ({"working_spacing_mm": "2"}, "expected a number"),
        ({"rotation_range_deg": 200}, "0 to 180"),
        ({"regularisation": -1}, "at least 0"),
        ({"region_of_interest_lps_mm": [0, 1, 2]}, "3 values, expected 6"),
        ({"region_of_interest_lps_mm": "abc"}, "expected 6 numbers"),
        ({"probe_position_lps_mm": [0, 1, float("nan")]}, "finite"),
        ({"beam_direction_lps": [0, 0, 0]}, "no length"),
        ({"warped": "yes"}, "true or false"),
        ({"device": ""}, "expected a name"),
        ({"spacing": 2}, "Unknown settings of a registration: spacing"),
    ],
)
def test_values_that_cannot_be_meant(values: dict[str, object], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        RegistrationSettings.from_json(values)


def test_texts_that_are_not_settings() -> None:
    for text in ("{", "[1]"):
        with pytest.raises(BadRequestError):
            RegistrationSettings.from_json(text)


def test_light_imports() -> None:
    """Slicer's own process imports these: nothing beyond the standard library may come along."""
    script = (
        "import sys; before = set(sys.modules)\n"
        "import mambamed.registration.settings\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = new & {'torch', 'numpy', 'SimpleITK', 'nnunetv2', 'scipy', 'numba', 'safetensors', 'nibabel'}\n"
        "assert not heavy, heavy"
    )
    engine = Path(__file__).resolve().parents[3] / "SlicerMambaMed"
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": str(engine)})
