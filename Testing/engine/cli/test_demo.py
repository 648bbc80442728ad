from __future__ import annotations

import json
import zipfile

import pytest
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.cli import demo
from mambamed.cli.main import main
from mambamed.jobs.states import ExitCode
from PIL import Image


@pytest.fixture(scope="module")
def coarse_model(tmp_path_factory):
    """A tiny random network that sees the head at 6 mm, so that the whole demonstration takes seconds."""
    plans, configuration = make_plans(patch_size=(24, 32, 28), spacing=(6.0, 6.0, 6.0))
    return write_model(tmp_path_factory.mktemp("coarse"), plans, configuration, make_dataset())


@pytest.mark.usefixtures("warm_engine")
def test_demonstration_brings_everything_and_says_where(tmp_path, coarse_model, capsys):
    output = tmp_path / "out"
    assert main(["demo", "-o", str(output), "--model", str(coarse_model), "--device", "cpu"]) == ExitCode.DONE
    printed = capsys.readouterr().out
    expected = ["brain.mrb", "overlay.png", "record.json", "segmentation.nii.gz", "volumes.csv"]
    assert sorted(path.name for path in output.iterdir()) == expected
    assert all(str(output / name) in printed for name in expected)
    assert "Volume (ml)" in printed
    assert "All together" in printed
    assert "Warning" not in printed
    with Image.open(output / "overlay.png") as picture:
        assert picture.width > 1000
        colours = {colour for _, colour in picture.convert("RGB").getcolors(maxcolors=1 << 24)}
    assert any(red > 1.5 * blue or blue > 1.5 * red for red, _, blue in colours)  # an overlay, not only grey
    with zipfile.ZipFile(output / "brain.mrb") as bundle:
        assert any(name.endswith(".seg.nrrd") for name in bundle.namelist())
    record = json.loads((output / "record.json").read_text(encoding="utf-8"))
    assert record["inputs"][0]["path"].endswith("mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")

    assert main(["demo", "-o", str(output), "--model", str(coarse_model)]) == ExitCode.BAD_REQUEST
    assert "--overwrite" in capsys.readouterr().err


def test_missing_example_image(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    assert main(["demo", "-o", str(tmp_path / "out")]) == ExitCode.BAD_REQUEST
    assert "pip install 'mambamed[demo]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
