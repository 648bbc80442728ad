"""``detector.json``: round trip, and refusal of everything that describes no detector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mambamed.detection.description import DetectorDescription
from mambamed.detection.description import IntensityNormalisation
from mambamed.detection.networks.settings import DetectorSettings
from mambamed.errors import BadRequestError


def _description() -> DetectorDescription:
    return DetectorDescription(
        ("nodule", "vessel", "needle"),
        DetectorSettings(3, backbone="lsknet", width=0.5, feature_channels=32, imagenet_weights=""),
        IntensityNormalisation("percentiles", 0.5, 99.5, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
        tile_size_px=256,
        tile_overlap_px=40,
        pixel_spacing_mm=0.75,
    )


def test_round_trip(tmp_path: Path) -> None:
    description = _description()
    description.write(tmp_path)
    assert DetectorDescription.read(tmp_path) == description


def test_the_file_of_backbone_weights_is_not_kept() -> None:
    settings = DetectorSettings(1, backbone="resnet50", imagenet_weights="/somewhere/resnet50.pth")
    description = DetectorDescription(("ship",), settings)
    assert description.network.imagenet_weights == ""
    assert "imagenet_weights" not in description.to_json()["network"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": []}, "classes"),
        ({"classes": ["nodule", "nodule", "needle"]}, "different names"),
        ({"classes": "nodule"}, "list of names"),
        ({"format_version": 2}, "format version 2"),
        ({"colour": 1}, "unknown entries: colour"),
        ({"network": {"imagenet_weights": "/etc/passwd"}}, "unknown entries: imagenet_weights"),
        ({"network": {"backbone": "vgg"}}, "backbone 'vgg' is unknown"),
        ({"network": {"backbone": ["lsknet"]}}, "expected a name"),
        ({"network": {"width": "wide"}}, "width is 'wide'"),
        ({"network": {"prior_capturing": 3}}, "true or false"),
        ({"network": {"feature_channels": 1.5}}, "feature_channels is 1.5"),
        ({"network": 3}, "network of the detector is int"),
        ({"normalisation": {"rule": "best"}}, "rule is 'best'"),
        ({"normalisation": {"low": 3, "high": 3}}, "from 3 to 3"),
        ({"normalisation": {"rule": "percentiles", "low": 3, "high": 300}}, "0 to 100"),
        ({"normalisation": {"mean": [0, 0], "deviation": [1, 1]}}, "2 means and the network 3 channels"),
        ({"normalisation": {"deviation": [0]}}, "deviations above 0"),
        ({"normalisation": {"mean": ["a"]}}, "finite number"),
        ({"tile_size_px": 10**9}, "tiles have"),
        ({"tile_overlap_px": 1024}, "overlap below"),
        ({"pixel_spacing_mm": 0}, "pixel spacing"),
        ({"pixel_spacing_mm": float("nan")}, "finite number"),
        ({"nms_threshold": 2}, "nms_threshold is 2"),
    ],
)
def test_hostile_files_are_refused_with_the_reason(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    content = {"format_version": 1, "classes": ["a", "b", "c"], "network": {"backbone": "lsknet"}, **change}
    (tmp_path / "detector.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadRequestError, match=r"detector.json") as caught:
        DetectorDescription.read(tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, " " * 1_000_001])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "detector.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadRequestError, match=r"cannot be read"):
        DetectorDescription.read(tmp_path)
    with pytest.raises(BadRequestError, match=r"holds no detector"):
        DetectorDescription.read(tmp_path / "elsewhere")
