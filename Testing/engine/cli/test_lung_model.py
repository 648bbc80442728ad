"""Lungs by a segmentation model before the analysis."""

from __future__ import annotations

import pytest
from mambamed.cli.lung_model import choose_labels
from mambamed.cli.main import main
from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode


def _labels(*names):
    return [{"value": value, "name": name} for value, name in enumerate(names, start=1)]


def test_lungs_are_chosen_and_the_airways_left_out():
    assert choose_labels(_labels("left lung", "Right lung", "airways"), "m") == ("lungs", {"lung_values": [1, 2]})


def test_lobes_go_before_lungs():
    role, changes = choose_labels(_labels("liver", "left upper lobe", "lung vessels"), "m")
    assert role == "lobes"
    assert changes == {"lobe_names": {2: "left upper lobe"}}


def test_a_model_of_something_else_is_refused():
    with pytest.raises(BadRequestError, match="labels liver, spleen, expected labels of lungs"):
        choose_labels(_labels("liver", "spleen"), "m")


@pytest.mark.usefixtures("warm_engine")
def test_nothing_is_left_when_the_model_labels_no_lungs(
    tmp_path, write_volume, small_model, capsys, kept_engine, monkeypatch
):
    monkeypatch.setattr("mambamed.jobs.engine.Engine", lambda *arguments, **options: kept_engine)
    output = tmp_path / "out"
    words = [
        "emphysema",
        str(write_volume()),
        "-o",
        str(output),
        "--lung-model",
        str(small_model),
        "--compute",
        "density",
    ]
    assert main(words) == ExitCode.BAD_REQUEST
    assert "expected labels of lungs or lobes" in capsys.readouterr().err
    assert not output.exists()
    assert main([*words, "--detach"]) == ExitCode.BAD_REQUEST
