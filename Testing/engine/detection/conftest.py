"""Small detectors for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine.detection.tiny_detectors import write_detector


@pytest.fixture
def make_detector(tmp_path: Path) -> Callable[..., Path]:
    """Write a detector with random weights: ``make_detector("nodule", "vessel", channels=1, folder="model")``."""

    def make(*names: str, folder: str = "model", **others: Any) -> Path:
        return write_detector(tmp_path / folder, names or ("nodule", "vessel"), **others)

    return make
