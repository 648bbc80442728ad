from __future__ import annotations

import json
import shutil

import pytest
from mambamed.cli.main import main
from mambamed.jobs.states import ExitCode


@pytest.fixture
def user_models(tmp_path, monkeypatch, small_model):
    """A user's models folder that holds the small model."""
    folder = tmp_path / "models"
    shutil.copytree(small_model, folder / "mine" / small_model.name)
    monkeypatch.setenv("MAMBAMED_MODELS", str(folder))
    return folder


def test_list_names_the_user_models_with_their_place(user_models, capsys):
    assert main(["models", "list"]) == ExitCode.DONE
    text = capsys.readouterr().out
    assert "Dataset999_Small-nnUNetTrainerUMambaBot-3d_fullres" in text
    assert str(user_models / "mine") in text
    assert main(["models", "list", "--json"]) == ExitCode.DONE
    (entry,) = [entry for entry in json.loads(capsys.readouterr().out) if not entry["is_bundled"]]
    assert entry["card"]["task"] == "segmentation"


def test_show_says_what_the_card_says(user_models, small_model, capsys):
    assert main(["models", "show", "Dataset999_Small-nnUNetTrainerUMambaBot-3d_fullres"]) == ExitCode.DONE
    text = capsys.readouterr().out
    for words in ("Network: U-Mamba Bot 3D", "Input: channel0", "Label 3: three", "Licence: not stated", "Limit: "):
        assert words in text
    assert main(["models", "show", str(small_model), "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["derived"] is True


def test_check_loads_the_weights(small_model, capsys):
    assert main(["models", "check", str(small_model), "--json"]) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    assert report["usable"]
    assert report["parameters"] > 1000
    assert main(["models", "check", str(small_model)]) == ExitCode.DONE
    assert "can be used: U-Mamba Bot 3D" in capsys.readouterr().out


def test_check_refuses_what_cannot_be_used(small_model, tmp_path, capsys):
    broken = tmp_path / small_model.name
    shutil.copytree(small_model, broken)
    (broken / "fold_0" / "checkpoint_final.pth").write_bytes(b"not a checkpoint")
    for words in (["show", "no-such-model"], ["check", str(tmp_path / "none")], ["check", str(broken)]):
        assert main(["models", *words]) == ExitCode.BAD_REQUEST
        assert capsys.readouterr().err.count("\n") == 1
