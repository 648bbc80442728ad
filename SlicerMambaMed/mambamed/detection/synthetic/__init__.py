"""Synthetic pictures of tiny oriented objects, with their exact boxes: for training and judging detectors.

The names below are loaded at first use: importing this package, or its ``settings``, needs the standard library only.

Example:
    >>> from mambamed.detection.synthetic import SyntheticSettings, draw_scene, paint_scene
    >>> scene = draw_scene(SyntheticSettings(domain="ct", size=(160, 128)), "train", 0)
    >>> picture, boxes = paint_scene(scene), [item.box for item in scene.objects]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.detection.synthetic.data_set import write_data_set
    from mambamed.detection.synthetic.draw import draw_scene
    from mambamed.detection.synthetic.paint import paint_scene
    from mambamed.detection.synthetic.scene import Scene
    from mambamed.detection.synthetic.scene import SyntheticObject
    from mambamed.detection.synthetic.settings import SyntheticSettings

__all__ = ["Scene", "SyntheticObject", "SyntheticSettings", "draw_scene", "paint_scene", "write_data_set"]

_HOMES = {
    "Scene": "scene",
    "SyntheticObject": "scene",
    "SyntheticSettings": "settings",
    "draw_scene": "draw",
    "paint_scene": "paint",
    "write_data_set": "data_set",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
