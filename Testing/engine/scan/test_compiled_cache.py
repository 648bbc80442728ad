"""Where compiled code goes, and what happens where it cannot go."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from mambamed.scan.compiled_cache import CACHE_VARIABLE
from mambamed.scan.compiled_cache import compiled_cache_folder
from mambamed.scan.compiled_cache import user_cache_folder


def test_folder_changes_with_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    source = tmp_path / "kernel.py"
    source.write_text("one")
    first = compiled_cache_folder("numba", (source,))
    assert first is not None
    assert first.is_dir()
    assert first.parent == tmp_path / "cache" / "numba"
    assert not list(first.iterdir())
    assert compiled_cache_folder("numba", (source,)) == first
    source.write_text("two")
    assert compiled_cache_folder("numba", (source,)) != first


def test_unwritable_folder_is_told_and_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "a_file"
    blocked.write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(blocked))
    with caplog.at_level(logging.WARNING):
        assert compiled_cache_folder("numba", (blocked,)) is None
    assert CACHE_VARIABLE in caplog.text


def test_default_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache_folder() == tmp_path / "mambamed"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert user_cache_folder() == tmp_path / "local" / "mambamed"
    monkeypatch.setattr("sys.platform", "darwin")
    assert user_cache_folder() == Path.home() / "Library" / "Caches" / "mambamed"
