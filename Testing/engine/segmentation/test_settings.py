"""Settings are checked when they are made and survive JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mambamed.errors import BadRequestError
from mambamed.segmentation.settings import SegmentationSettings


def test_json_round_trip() -> None:
    settings = SegmentationSettings(
        step_size=0.75,
        region_of_interest_lps_mm=(0, 1, 2, 3, 4, 5),
        labels=("a",),
        folds=(0, "all"),  # type: ignore[arg-type]
    )
    text = json.dumps(settings.to_json())
    assert SegmentationSettings.from_json(text) == settings
    assert settings.folds == ("0", "all")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"step_size": 0.0}, "step size is 0.0"),
        ({"step_size": 1.5}, "step size is 1.5"),
        ({"precision": "float8"}, 'precision is "float8"'),
        ({"orientation": "XYZ"}, "orientation"),
        ({"region_of_interest_lps_mm": [0, 1, 2]}, "3 values, expected six"),
        ({"region_of_interest_lps_mm": [0, 1, 2, 3, 4, float("nan")]}, "finite"),
        ({"labels": []}, "No label"),
        ({"checkpoint": "../../x.pth"}, "file name without a folder"),
        ({"stepsize": 0.5}, "Unknown settings of a segmentation: stepsize"),
    ],
)
def test_values_that_cannot_be_meant(values: dict[str, object], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        SegmentationSettings.from_json(values)


def test_replace_checks_again() -> None:
    assert SegmentationSettings().replace(mirroring=True).mirroring
    with pytest.raises(BadRequestError):
        SegmentationSettings().replace(step_size=7)


def test_light_imports() -> None:
    """Slicer's own process imports these: nothing beyond the standard library may come along."""
    script = (
        "import sys; before = set(sys.modules)\n"
        "import mambamed.segmentation.settings, mambamed.segmentation.estimate\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = new & {'torch', 'numpy', 'SimpleITK', 'nnunetv2', 'scipy', 'numba', 'safetensors', 'nibabel'}\n"
        "assert not heavy, heavy"
    )
    source = str(Path(__file__).resolve().parents[3] / "SlicerMambaMed")
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": source})
