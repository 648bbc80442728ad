"""Fixtures of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Folder with golden vectors and sample data (``MAMBAMED_SHARED``, by default beside the checkout)."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("MAMBAMED_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"the shared folder {folder} is absent; set MAMBAMED_SHARED to it")
    return folder
