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
    """Bring a picture to at most ``LARGEST_BYTES``, if it is larger: with fewer colours, at last also smaller."""
    from PIL import Image

    picture = Image.open(path).convert("RGB")
    for share in (1.0, 0.8, 0.65):
        size = (round(picture.width * share), round(picture.height * share))
        smaller = picture.resize(size, Image.Resampling.LANCZOS)
        for colors in (256, 128, 64):
            if path.stat().st_size <= LARGEST_BYTES:
                return
            smaller.quantize(colors, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size <= LARGEST_BYTES
