"""Results as 3D Slicer markups (``.mrk.json``): a region of interest (ROI) per object or box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mambamed.detection.result import DetectionResult

__all__ = ["markups_json"]

_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)


def markups_json(result: DetectionResult) -> dict[str, Any]:
    """Return the content of a markups file: a ROI for each linked object, or for each box where nothing was linked.

    A ROI's axes are the object's, longest side first; its description holds the score.
    """
    colours = {label.name: label.color for label in result.labels}
    items = result.objects if result.is_linked else result.boxes
    return {
        "@schema": _SCHEMA,
        "markups": [
            _roi(
                f"{item.label} {item.id}",
                f"{item.label}, score {item.score:.3f}",
                item.centre_lps_mm,
                item.axes_lps,
                item.size_mm,
                colours[item.label],
            )
            for item in items
        ],
    }


def _roi(
    name: str, description: str, centre: np.ndarray, axes: np.ndarray, size: np.ndarray, colour: Sequence[int]
) -> dict[str, Any]:
    shade = [value / 255 for value in colour]
    return {
        "type": "ROI",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "labelFormat": "%N",
        "name": name,
        "description": description,
        "roiType": "Box",
        "insideOut": False,
        "center": centre.tolist(),
        # Columns are the axes; row by row.
        "orientation": axes.T.reshape(-1).tolist(),
        "size": size.tolist(),
        "controlPoints": [
            {
                "id": "1",
                "label": name,
                "description": description,
                "position": centre.tolist(),
                "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
                "selected": True,
                "locked": True,
                "visibility": True,
                "positionStatus": "defined",
            }
        ],
        "display": {
            "visibility": True,
            "opacity": 1.0,
            "color": shade,
            "selectedColor": shade,
            "propertiesLabelVisibility": False,
            "pointLabelsVisibility": False,
            "glyphScale": 0.5,
            "interactionHandlesVisibility": False,
        },
    }
