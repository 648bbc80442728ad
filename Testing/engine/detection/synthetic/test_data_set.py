"""Synthetic data sets: what is written is what was drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.detection.annotations import read_dota_text
from mambamed.detection.synthetic import SyntheticSettings
from mambamed.detection.synthetic import draw_scene
from mambamed.detection.synthetic import paint_scene
from mambamed.detection.synthetic import write_data_set
from mambamed.errors import BadRequestError


@pytest.mark.parametrize("domain", ["aerial", "ct"])
def test_written_pictures_and_boxes_read_back(tmp_path: Path, domain: str) -> None:
    settings = SyntheticSettings(domain=domain, size=(101, 75), seed=2)
    files = write_data_set(tmp_path / "set", settings, "test", 3)
    assert [file.name for file in files] == ["test-00000.png", "test-00001.png", "test-00002.png"]
    for number, file in enumerate(files):
        scene = draw_scene(settings, "test", number)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(file))), paint_scene(scene))
        read = [item.box for item in read_dota_text(tmp_path / "set" / "labelTxt" / f"{file.stem}.txt")]
        assert [box.label for box in read] == [item.box.label for item in scene.objects]
        for box, item in zip(read, scene.objects, strict=True):
            # Corners are written in hundredths of a pixel.
            assert (box.cx, box.cy) == pytest.approx((item.box.cx, item.box.cy), abs=0.02)
            assert (box.w, box.h) == pytest.approx((item.box.w, item.box.h), abs=0.04)
            assert np.sin(box.angle_rad - item.box.angle_rad) == pytest.approx(0.0, abs=0.01)
    description = json.loads((tmp_path / "set" / "settings.json").read_text(encoding="utf-8"))
    kept = description["settings"]
    assert SyntheticSettings(**{**kept, "size": tuple(kept["size"])}) == settings
    assert (description["split"], description["count"]) == ("test", 3)


def test_used_folders_and_impossible_requests_are_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(BadRequestError, match="not empty"):
        write_data_set(tmp_path, SyntheticSettings(), "train", 1)
    with pytest.raises(BadRequestError, match="cannot be used"):
        write_data_set(tmp_path / "note.txt", SyntheticSettings(), "train", 1)
    for split, count in (("train", 0), ("other", 1)):
        with pytest.raises(BadRequestError, match="expected"):
            write_data_set(tmp_path / "new", SyntheticSettings(), split, count)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_settings_need_the_standard_library_only() -> None:
    code = (
        "import sys; from mambamed.detection.synthetic import SyntheticSettings; SyntheticSettings();"
        "print(sorted({'numpy', 'torch', 'scipy', 'SimpleITK'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
