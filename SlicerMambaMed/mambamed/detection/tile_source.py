"""Parts of a view at the pixel size that the network wants: read when asked for, never the whole picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mambamed.detection.slice_views import SliceViews
from mambamed.detection.tiling import Tile
from mambamed.errors import BadRequestError

__all__ = ["NetworkGrid", "choose_grid"]

_EQUAL = 0.01  # pixel sides that differ by less are taken as equal
_LARGEST_ENLARGEMENT = 16
_SIGMA_PER_STEP = 0.5  # of the smoothing before coarser sampling, in coarse pixels, as scikit-image's pyramids have it


@dataclass(frozen=True)
class NetworkGrid:
    """Pixels of the network on a view: network pixel (u, v) lies at (u x step x, v x step y) of the view's pixels.

    Attributes:
        width: network pixels along x.
        height: network pixels along y.
        steps: view pixels per network pixel along x and y.
        spacing_mm: side of a network pixel.
    """

    width: int
    height: int
    steps: tuple[float, float]
    spacing_mm: float

    def read(self, view: np.ndarray, tile: Tile) -> np.ndarray:
        """Return the tile (network pixels) of a view (y, x, values), in the view's number format or float32."""
        if self.steps == (1.0, 1.0):
            return view[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        step_x, step_y = self.steps
        smoothing = [_SIGMA_PER_STEP * math.sqrt(max(0.0, step * step - 1.0)) for step in (step_y, step_x)]
        margins = [math.ceil(4 * sigma) + 1 for sigma in smoothing]
        first_y, last_y = tile.y * step_y, (tile.y + tile.height - 1) * step_y
        first_x, last_x = tile.x * step_x, (tile.x + tile.width - 1) * step_x
        top, left = max(0, math.floor(first_y) - margins[0]), max(0, math.floor(first_x) - margins[1])
        bottom = min(view.shape[0], math.ceil(last_y) + margins[0] + 1)
        right = min(view.shape[1], math.ceil(last_x) + margins[1] + 1)
        part = view[top:bottom, left:right].astype(np.float32)
        for axis, sigma in enumerate(smoothing):
            if sigma > 0:
                part = ndimage.gaussian_filter1d(part, sigma, axis=axis, mode="nearest", truncate=4.0)
        part = _interpolate(part, first_y - top + step_y * np.arange(tile.height), 0)
        return _interpolate(part, first_x - left + step_x * np.arange(tile.width), 1)

    def to_view(self, points: np.ndarray) -> np.ndarray:
        """Return the places (..., 2) in the view's pixels of points in network pixels."""
        return points * np.asarray(self.steps)

    def from_view(self, points: np.ndarray) -> np.ndarray:
        """Return the places (..., 2) in network pixels of points in the view's pixels."""
        return points / np.asarray(self.steps)


def choose_grid(views: SliceViews, pixel_spacing_mm: float | None) -> NetworkGrid:
    """Return the network's pixels, which are always square.

    Args:
        views: the pictures.
        pixel_spacing_mm: side of a network pixel; None takes the view's pixels, or the smaller side if they are not
            square.

    Raises:
        BadRequestError: the picture would be enlarged absurdly.
    """
    x_mm, y_mm = views.spacing_mm
    side_mm = pixel_spacing_mm if pixel_spacing_mm is not None else min(x_mm, y_mm)
    steps = [side_mm / x_mm, side_mm / y_mm]
    if min(steps) < 1 / _LARGEST_ENLARGEMENT:
        raise BadRequestError(
            f"The pixels of the image are {x_mm:g} x {y_mm:g} mm and the network is to see {side_mm:g} mm; that would "
            f"enlarge it more than {_LARGEST_ENLARGEMENT} times. Choose a larger pixel spacing or another view."
        )
    steps = [1.0 if abs(step - 1.0) < _EQUAL else step for step in steps]
    width, height = (math.floor((length - 1) / step + 1e-9) + 1 for length, step in zip(views.size, steps, strict=True))
    return NetworkGrid(width, height, (steps[0], steps[1]), side_mm)


def _interpolate(values: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    """Return values at continuous places along an axis, linearly."""
    last = values.shape[axis] - 1
    places = np.clip(places, 0, last)
    low = np.minimum(places.astype(int), max(0, last - 1))
    high = np.minimum(low + 1, last)
    shape = [1] * values.ndim
    shape[axis] = len(places)
    weight = (places - low).astype(np.float32).reshape(shape)
    return np.asarray(values.take(low, axis=axis) * (1 - weight) + values.take(high, axis=axis) * weight)
