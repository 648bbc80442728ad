"""The batch script in Slicer without a window: good and broken files, a second run, exit codes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from extension.cmake_lists import REPOSITORY
from modules.orienteddetection.small_detectors import write_generous_detector

SCRIPT = REPOSITORY / "OrientedDetection" / "OrientedDetectionLib" / "Scripts" / "DetectBatch.py"


def _slicer(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "slicer_host.slicer_command", "--no-splash", "--no-main-window"]
    command += ["--python-script", str(SCRIPT), *map(str, words)]
    search = os.pathsep.join([str(REPOSITORY / "Testing"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Two images and a broken one, looked at once."""
    folder = tmp_path_factory.mktemp("batch")
    images = folder / "in"
    images.mkdir()
    random = np.random.default_rng(2)
    picture = random.integers(0, 256, (40, 48, 3)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(picture[..., 0]), str(images / "picture.png"))
    volume = sitk.GetImageFromArray(random.integers(0, 256, (2, 40, 48)).astype(np.uint8))
    volume.SetSpacing((0.5, 0.6, 2.0))
    sitk.WriteImage(volume, str(images / "volume.nrrd"))
    (images / "broken.nii.gz").write_bytes(b"no image")
    model = write_generous_detector(folder / "model")
    words = ("--input", images, "--model", model, "--output", folder / "out", "--device", "cpu", "--score", "0.4")
    return SimpleNamespace(folder=folder, words=words, run=_slicer(*words))


def _summary(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def test_good_images_are_done_and_the_broken_one_is_named(work):
    assert work.run.returncode == 1, work.run.stdout + work.run.stderr
    rows = _summary(work.folder / "out")
    assert {name: row["state"] for name, row in rows.items()} == {
        "picture": "done",
        "volume": "done",
        "broken": "failed",
    }
    assert "Traceback" not in rows["broken"]["message"]
    assert "no pixel size" in rows["picture"]["warnings"]
    done = work.folder / "out" / "volume"
    assert {"objects.csv", "objects.mrk.json", "record.json"} <= {path.name for path in done.iterdir()}
    with (done / "objects.csv").open(newline="", encoding="utf-8") as stream:
        objects = list(csv.DictReader(stream))
    assert len(objects) == int(rows["volume"]["all objects"]) > 0
    assert min(float(row["score"]) for row in objects) >= 0.4
    assert json.loads((done / "record.json").read_text(encoding="utf-8"))["settings"]["score_threshold"] == 0.4


def test_a_second_run_skips_what_is_done_and_what_cannot_start_says_so(work):
    stamp = (work.folder / "out" / "volume" / "objects.csv").stat().st_mtime_ns
    assert _slicer(*work.words).returncode == 1
    assert _summary(work.folder / "out")["volume"]["state"] == "skipped"
    assert (work.folder / "out" / "volume" / "objects.csv").stat().st_mtime_ns == stamp
    run = _slicer(*work.words[:2], "--model", "no-such-model", "--output", work.folder / "other")
    assert run.returncode == 2
    assert "no-such-model" in run.stderr
    assert "Traceback" not in run.stderr
