"""The batch script in Slicer without a window: a volume, a DICOM folder, a broken file, a second run, exit codes."""

from __future__ import annotations

import csv
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK
from engine.emphysema.conftest import draw_chest
from engine.emphysema.report.test_job import _write_series
from extension.cmake_lists import REPOSITORY

SCRIPT = REPOSITORY / "EmphysemaXAI" / "EmphysemaXAILib" / "Scripts" / "EmphysemaBatch.py"


def _slicer(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "slicer_host.slicer_command", "--no-splash", "--no-main-window"]
    command += ["--python-script", str(SCRIPT), *map(str, words)]
    search = os.pathsep.join([str(REPOSITORY / "Testing"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)


def _summary(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def test_cases_become_one_table_and_bad_ones_do_not_stop_the_rest(tmp_path):
    cases, out = tmp_path / "cases", tmp_path / "out"
    cases.mkdir()
    ct = draw_chest((7.0, 6.0, 6.0), noise_hu=10.0).image()
    SimpleITK.WriteImage(ct, str(cases / "a_volume.nii.gz"))
    _write_series(ct, cases / "b_dicom")
    (cases / "c_broken.nii.gz").write_bytes(b"this is no image")
    SimpleITK.WriteImage(ct[:, :, :1], str(cases / "d_slice.nrrd"))
    run = _slicer("--input", cases, "--output", out, "--device", "cpu")
    assert run.returncode == 1, run.stdout + run.stderr
    rows = _summary(out)
    assert {name: row["state"] for name, row in rows.items()} == {
        "a_volume": "done",
        "b_dicom": "done",
        "c_broken": "failed",
        "d_slice": "failed",
    }
    assert "cannot be read as an image" in rows["c_broken"]["message"]
    assert "slice" in rows["d_slice"]["message"]
    for name in ("volume_l", "perc15_hu", "laa950_percent"):
        column = f"whole lung {name}"
        assert float(rows["a_volume"][column]) == pytest.approx(float(rows["b_dicom"][column]), rel=1e-5)
    assert float(rows["a_volume"]["whole lung mean_hu"]) == pytest.approx(-860, abs=12)
    files = {path.name for path in (out / "a_volume").iterdir()}
    assert {"measures.csv", "record.json", "report.html", "report.pdf", "regions.seg.nrrd"} <= files
    assert {"report_segmentation.dcm", "report_measurements.dcm"} <= {path.name for path in (out / "b_dicom").iterdir()}
    assert '"B31f"' in (out / "b_dicom" / "record.json").read_text(encoding="utf-8")
    page = (out / "b_dicom" / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") >= 2  # drawn by the engine, since there are no views

    stamp = (out / "a_volume" / "measures.csv").stat().st_mtime_ns
    table = tmp_path / "cases.csv"
    table.write_text(f"case,image\na_volume,{cases / 'a_volume.nii.gz'}\n")
    again = _slicer("--input", table, "--output", out, "--device", "cpu")
    assert again.returncode == 0, again.stdout + again.stderr
    assert _summary(out)["a_volume"]["state"] == "skipped"
    assert (out / "a_volume" / "measures.csv").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--input", "gone", "--output", "{out}"], "gone does not exist"),
        (["--input", "{cases}", "--output", "{out}", "--compute", "severity", "--model", "no-such"], "no-such"),
        (["--input", "{cases}"], "--output"),
        (["--input", "{cases}", "--output", "{out}", "--noise-filter", "magic"], "noise filter"),
    ],
)
def test_what_cannot_be_started_ends_with_exit_code_2_and_one_sentence(slicer_host, tmp_path, capsys, words, cause):
    (tmp_path / "cases").mkdir()
    SimpleITK.WriteImage(SimpleITK.Image(4, 4, 4, SimpleITK.sitkInt16), str(tmp_path / "cases" / "a.nrrd"))
    script = runpy.run_path(str(SCRIPT), run_name="EmphysemaBatch")
    places = {"cases": tmp_path / "cases", "out": tmp_path / "out"}
    assert script["main"]([word.format(**places) for word in words]) == 2
    error = capsys.readouterr().err
    assert cause in error
    assert "Traceback" not in error
