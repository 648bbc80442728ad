"""Fixtures of the modules' tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _folders_of_a_new_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the engine an empty cache and no models of the user's own: tests neither read nor change those."""
    names = ("MAMBAMED_CACHE", "MAMBAMED_MODELS")
    before = {name: os.environ.get(name) for name in names}
    for name in names:
        os.environ[name] = str(tmp_path_factory.mktemp(name.lower()))
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
