"""Zips from anywhere: ordinary ones unpack once; traversal, links, bombs and damage are refused and leave nothing."""

from __future__ import annotations

import stat
import zipfile

import pytest
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError
from mambamed.models import archive as archive_module
from mambamed.models.archive import unpack_model


@pytest.fixture
def home(tmp_path):
    return tmp_path / "cache"


def make_zip(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as content:
        for name, data in entries:
            content.writestr(name, data)
    return path


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_only_what_a_model_consists_of_is_unpacked_and_only_once(tmp_path, home):
    entries = [
        ("a/plans.json", "{}"),
        ("a/fold_0/checkpoint_final.pth", "w"),
        ("a/run.py", "x"),
        ("__MACOSX/a.json", ""),
    ]
    path = make_zip(tmp_path / "model.zip", entries)
    folder = unpack_model(path, home)
    assert files_below(folder) == ["a/fold_0/checkpoint_final.pth", "a/plans.json"]
    (folder / "a" / "plans.json").write_text("kept")
    assert unpack_model(path, home) == folder
    assert (folder / "a" / "plans.json").read_text(encoding="utf-8") == "kept"
    make_zip(path, [*entries, ("a/dataset.json", "{}")])
    assert unpack_model(path, home) != folder


@pytest.mark.parametrize(
    "name", ["../evil.json", "a/../../evil.json", "/evil.json", "..\\evil.json", "C:\\evil.json", "C:evil.json"]
)
def test_entries_outside_the_folder_are_refused(tmp_path, home, name):
    path = make_zip(tmp_path / "model.zip", [("plans.json", "{}"), (name, "evil")])
    with pytest.raises(UnsafeFileError, match="outside the model's folder"):
        unpack_model(path, home)
    assert files_below(tmp_path) == ["model.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(tmp_path, home, kind):
    link = zipfile.ZipInfo("plans.json")
    link.external_attr = (kind | 0o777) << 16
    link.create_system = 3
    with pytest.raises(UnsafeFileError, match="a link or a special file"):
        unpack_model(make_zip(tmp_path / "model.zip", [(link, "/etc/passwd")]), home)
    assert files_below(tmp_path) == ["model.zip"]


def test_bombs_are_refused_before_anything_is_written(tmp_path, home):
    path = make_zip(tmp_path / "model.zip", [("plans.json", b"\0" * (65 << 20))])
    with pytest.raises(UnsafeFileError, match="more than 200 times"):
        unpack_model(path, home)
    assert files_below(tmp_path) == ["model.zip"]


def test_too_many_or_too_large_files_are_refused(tmp_path, home, monkeypatch):
    path = make_zip(tmp_path / "model.zip", [(f"{number}.json", "x" * 10) for number in range(5)])
    monkeypatch.setattr(archive_module, "LARGEST_NUMBER_OF_FILES", 4)
    with pytest.raises(UnsafeFileError, match="5 files"):
        unpack_model(path, home)
    monkeypatch.setattr(archive_module, "LARGEST_NUMBER_OF_FILES", 5)
    monkeypatch.setattr(archive_module, "LARGEST_CONTENT_BYTES", 49)
    with pytest.raises(UnsafeFileError, match="5 files"):
        unpack_model(path, home)


def test_a_file_that_lies_about_its_size_does_not_grow(tmp_path, home):
    path = make_zip(tmp_path / "model.zip", [("plans.json", b"y" * 5000)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(BadRequestError):
        unpack_model(path, home)
    assert files_below(tmp_path) == ["model.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice_is_refused(tmp_path, home):
    path = make_zip(tmp_path / "model.zip", [("plans.json", "{}"), ("PLANS.json", "{}")])
    with pytest.raises(UnsafeFileError, match="twice"):
        unpack_model(path, home)


@pytest.mark.parametrize("position", [0.3, 0.6])
def test_damaged_zips_are_refused_and_leave_nothing(tmp_path, home, position):
    path = make_zip(tmp_path / "model.zip", [("a/plans.json", bytes(range(256)) * 40), ("b.json", b"z" * 9000)])
    data = bytearray(path.read_bytes())
    data[int(len(data) * position) : int(len(data) * position) + 12] = b"\xff" * 12
    path.write_bytes(data)
    with pytest.raises(BadRequestError, match="cannot be unpacked"):
        unpack_model(path, home)
    assert not home.exists() or not list(home.iterdir())


def test_encrypted_zips_are_refused(tmp_path, home):
    path = make_zip(tmp_path / "model.zip", [("plans.json", b"{}")])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(BadRequestError, match="password"):
        unpack_model(path, home)
