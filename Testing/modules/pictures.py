"""What the tests that take pictures share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

__all__ = ["LARGEST_BYTES", "colorful_share", "pictures_folder", "reduce_colors"]

LARGEST_BYTES = 200_000


def pictures_folder(temporary: Path) -> Path:
    """Return where pictures go: ``docs/images`` with ``MAMBAMED_WRITE_PICTURES=1``, else a temporary folder."""
    images = Path(__file__).resolve().parents[2] / "docs" / "images"
    return images if os.environ.get("MAMBAMED_WRITE_PICTURES") else temporary


def colorful_share(path: Path, left: int = 0) -> float:
    """Return the share of the pixels right of ``left`` that are not grey."""
    from PIL import Image

    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)[:, left:]
    return float((pixels.max(axis=2) - pixels.min(axis=2) > 40).mean())


def reduce_colors(path: Path) -> None:
    """Bring a picture to at most ``LARGEST_BYTES`` by taking fewer colours, if it is larger."""
    from PIL import Image

    picture = Image.open(path).convert("RGB")
    for colors in (256, 128, 64):
        if path.stat().st_size <= LARGEST_BYTES:
            break
        picture.quantize(colors, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size <= LARGEST_BYTES
