"""Reading an image for a detection, and whether its file says how large a pixel is."""

from __future__ import annotations

import os
from pathlib import Path

import SimpleITK as sitk

from mambamed.imaging.reading import read_image

__all__ = ["read_picture_or_volume"]

_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
# Resolutions that cameras and drawing programs write without having measured anything, dots per inch.
_DISPLAY_RESOLUTIONS = (72, 75, 90, 96, 100, 120, 150, 180, 200, 240, 300, 350, 600)


def read_picture_or_volume(path: str | os.PathLike[str], series: str | None = None) -> tuple[sitk.Image, bool]:
    """Return the image, and whether the size of its pixels in mm is known.

    Picture files (PNG, JPEG, BMP, TIFF) without a resolution, or with one as screens and printers have, say nothing of
    what they show.

    Raises:
        BadRequestError: no such file, no image, or one that cannot be used.
    """
    image = read_image(path, series=series)
    known = True
    if Path(path).suffix.lower() in _PICTURE_SUFFIXES:
        meaningless = [1.0, *(25.4 / resolution for resolution in _DISPLAY_RESOLUTIONS)]
        known = not all(
            any(abs(spacing - value) < 1e-3 * value for value in meaningless) for spacing in image.GetSpacing()[:2]
        )
    return image, known
