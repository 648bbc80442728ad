"""Fixtures of all tests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["slicer_host.pytest_plugin"]


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Folder with golden vectors and sample data (``MAMBAMED_SHARED``, by default beside the checkout).

    Without it the tests that need it are skipped; where ``MAMBAMED_SHARED_REQUIRED`` is set, they fail.
    """
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("MAMBAMED_SHARED", default))
    if not folder.is_dir():
        absent = f"the shared folder {folder} is absent; set MAMBAMED_SHARED to it"
        (pytest.fail if os.environ.get("MAMBAMED_SHARED_REQUIRED") else pytest.skip)(absent)
    return folder


@pytest.fixture(autouse=True, scope="session")
def _engine_for_child_processes() -> Iterator[None]:
    """Let processes that tests start import the engine of this checkout, installed or not."""
    before = os.environ.get("PYTHONPATH")
    engine_folder = str(Path(__file__).resolve().parents[1] / "SlicerMambaMed")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [engine_folder, before]))
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def wait_until():
    """Wait for a condition, with a generous limit that only a hanging program reaches."""

    def wait(condition, limit_s=60.0):
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.02)

    return wait
