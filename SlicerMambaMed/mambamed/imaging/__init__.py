"""Volumes with geometry: reading, checking, orientation, resampling, writing, and small phantoms for tests.

Images are ``SimpleITK.Image`` (LPS, millimetres). The names below are loaded at first use, so that importing this
package stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.imaging.checks import check_finite
    from mambamed.imaging.checks import check_geometry
    from mambamed.imaging.checks import check_image
    from mambamed.imaging.geometry import crop_box_for_region
    from mambamed.imaging.geometry import same_grid
    from mambamed.imaging.orientation import orientation_code
    from mambamed.imaging.orientation import reorient
    from mambamed.imaging.reading import read_image
    from mambamed.imaging.resampling import resample_like
    from mambamed.imaging.writing import check_output_path
    from mambamed.imaging.writing import replace_atomically
    from mambamed.imaging.writing import write_image

__all__ = [
    "check_finite",
    "check_geometry",
    "check_image",
    "check_output_path",
    "crop_box_for_region",
    "orientation_code",
    "read_image",
    "reorient",
    "replace_atomically",
    "resample_like",
    "same_grid",
    "write_image",
]

_HOMES = {
    "check_finite": "checks",
    "check_geometry": "checks",
    "check_image": "checks",
    "check_output_path": "writing",
    "crop_box_for_region": "geometry",
    "orientation_code": "orientation",
    "read_image": "reading",
    "reorient": "orientation",
    "replace_atomically": "writing",
    "resample_like": "resampling",
    "same_grid": "geometry",
    "write_image": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
