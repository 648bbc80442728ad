"""Finding models by name, folder and zip; checksums; what is left out of the list."""

from __future__ import annotations

import logging
import shutil

import pytest
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError
from mambamed.models import bundle_model
from mambamed.models import find_model
from mambamed.models import list_models
from mambamed.models.catalogue import bundled_models_folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("MAMBAMED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MAMBAMED_MODELS", str(tmp_path / "models"))
    return tmp_path


@pytest.fixture
def user_model(own_folders, result_folder, card):
    """A model of ours in the user's folder."""
    folder = own_folders / "models" / "knee"
    bundle_model(result_folder, folder, card)
    return folder


def test_users_models_are_found_by_name(user_model):
    entry = find_model("knee-mr")
    assert (entry.card.id, entry.folder, entry.is_bundled) == ("knee-mr", user_model, False)
    assert entry in list_models()


def test_result_folders_are_found_from_above(result_folder):
    for folder in (result_folder, result_folder.parent, result_folder.parent.parent):
        entry = find_model(folder)
        assert entry.folder == result_folder
        assert entry.card.derived


def test_zips_of_both_kinds(own_folders, result_folder, user_model):
    for source, identifier in (
        (result_folder.parent, "Dataset123_Knee-nnUNetTrainerUMambaBot-3d_fullres"),
        (user_model, "knee-mr"),
    ):
        path = shutil.make_archive(str(own_folders / identifier), "zip", source.parent, source.name)
        entry = find_model(path)
        assert entry.card.id == identifier
        assert entry.folder.is_relative_to(own_folders / "cache")
        assert (entry.folder / entry.card.weights[0].path).is_file()


def test_a_hostile_zip_is_refused(own_folders):
    import zipfile

    with zipfile.ZipFile(own_folders / "model.zip", "w") as content:
        content.writestr("../plans.json", "{}")
    with pytest.raises(UnsafeFileError):
        find_model(own_folders / "model.zip")


def test_changed_or_missing_weights_are_refused(user_model):
    weights = user_model / "fold_all" / "checkpoint_final.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(BadRequestError, match="SHA-256 differs"):
        find_model("knee-mr")
    weights.unlink()
    with pytest.raises(BadRequestError, match="lacks its weights"):
        find_model(user_model)


def test_what_is_no_model_is_refused(own_folders, result_folder, user_model):
    with pytest.raises(BadRequestError, match=r"no model 'liver'.*listed models .*knee-mr"):
        find_model("liver")
    (own_folders / "empty").mkdir()
    with pytest.raises(BadRequestError, match=r"is not a model: expected model-card.json, or plans.json"):
        find_model(own_folders / "empty")
    (own_folders / "text.zip").write_text("no zip")
    with pytest.raises(BadRequestError, match="a model's folder or a zip"):
        find_model(own_folders / "text.zip")
    with pytest.raises(BadRequestError, match="holds 2 models, expected one"):
        find_model(own_folders)


def test_unreadable_models_are_logged_and_not_listed(user_model, caplog):
    broken = user_model.with_name("broken")
    shutil.copytree(user_model, broken)
    (broken / "model-card.json").write_text("{}")
    with caplog.at_level(logging.WARNING, logger="mambamed"):
        entries = [entry for entry in list_models() if not entry.is_bundled]
    assert [entry.folder for entry in entries] == [user_model]
    assert "left out" in caplog.text


def test_bundled_models_are_complete():
    bundled = [entry for entry in list_models() if entry.is_bundled]
    with_card = {path.parent for path in bundled_models_folder().glob("*/model-card.json")}
    assert {entry.folder for entry in bundled} == with_card
    for entry in bundled:
        assert find_model(entry.card.id) == entry
        assert entry.card.id == entry.folder.name
        assert all(weights.sha256 for weights in entry.card.weights)
        assert sum(path.stat().st_size for path in entry.folder.rglob("*") if path.is_file()) <= 15_000_000
        assert "not for clinical use" in f"{entry.card.intended_use} {' '.join(entry.card.limits)}".lower()
