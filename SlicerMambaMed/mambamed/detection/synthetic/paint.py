"""Paint the picture of a scene. Nothing here is random."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from mambamed.detection.synthetic.scene import Scene
from mambamed.detection.synthetic.scene import SyntheticObject
from mambamed.detection.synthetic.shapes import opacity

__all__ = ["paint_object", "paint_scene"]

_SAMPLES = 5  # along each side of a pixel
_FINE_PX, _COARSE_PX = 1.2, 7.0
_FINE_TEXTURE, _COARSE_TEXTURE = 0.025, 0.05


def paint_scene(scene: Scene) -> np.ndarray:
    """Return the picture (y, x, red-green-blue), uint8; a grey scene has three equal channels."""
    width, height = scene.size
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    first = np.clip(scene.border.depth(x, y) + 0.5, 0.0, 1.0)[..., None]
    one, other = (np.asarray(color) for color in scene.colors)
    picture = first * one + (1.0 - first) * other
    picture += _texture(scene.texture)[..., None]
    for item in scene.objects:
        rows, columns, share = paint_object(item, scene.size)
        part = picture[rows, columns]
        part += share[..., None] * (np.asarray(item.color) - part)
    picture += scene.noise_level * scene.noise[..., None]
    return np.rint(255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8)


def paint_object(item: SyntheticObject, size: tuple[int, int]) -> tuple[slice, slice, np.ndarray]:
    """Return the rows and columns around an object, and how much of each pixel there shows it, 0 to 1."""
    xs, ys = zip(*item.box.corners(), strict=True)
    left, right = max(int(np.floor(min(xs))), 0), min(int(np.ceil(max(xs))), size[0] - 1)
    top, bottom = max(int(np.floor(min(ys))), 0), min(int(np.ceil(max(ys))), size[1] - 1)
    step = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
    x = (np.arange(left, right + 1)[:, None] + step).reshape(1, -1) - item.box.cx
    y = (np.arange(top, bottom + 1)[:, None] + step).reshape(-1, 1) - item.box.cy
    cosine, sine = np.cos(item.heading_rad), np.sin(item.heading_rad)
    along = (x * cosine + y * sine) / (0.5 * item.box.w)
    across = (y * cosine - x * sine) / (0.5 * item.box.h)
    fine = opacity(item.box.label, along, across)
    share = fine.reshape(bottom - top + 1, _SAMPLES, right - left + 1, _SAMPLES).mean(axis=(1, 3))
    return slice(top, bottom + 1), slice(left, right + 1), share


def _texture(white: np.ndarray) -> np.ndarray:
    """Fine and coarse variation of brightness from white noise, each with its own standard deviation."""
    fine, coarse = (_unit(gaussian_filter(white, sigma, mode="reflect")) for sigma in (_FINE_PX, _COARSE_PX))
    return _FINE_TEXTURE * fine + _COARSE_TEXTURE * coarse


def _unit(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / max(float(values.std()), 1e-12)
