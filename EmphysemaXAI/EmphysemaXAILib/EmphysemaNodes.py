"""The nodes that an emphysema analysis added to the scene."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import Any

__all__ = ["EmphysemaNodes"]


@dataclass(frozen=True)
class EmphysemaNodes:
    """What a finished analysis has put into the scene.

    Attributes:
        record: vtkMRMLTextNode with the run record; refers to all the others.
        measures: vtkMRMLTableNode, a row per region.
        histogram: vtkMRMLTableNode, a row per bin.
        chart: vtkMRMLPlotChartNode of the histogram.
        regions: vtkMRMLSegmentationNode of the thirds of the lungs.
        segmentations: all segmentation nodes by name of the output: ``regions``, ``airways``, ``lobes``,
            ``low_attenuation``, ``patterns``.
        maps: heat maps (scalar volume nodes) by explanation method.
        change: vtkMRMLTableNode of the change since the earlier scan, or None.
        warnings: what changes how the result must be read.
    """

    record: Any
    measures: Any
    histogram: Any | None
    chart: Any | None
    regions: Any
    segmentations: dict[str, Any] = field(default_factory=dict)
    maps: dict[str, Any] = field(default_factory=dict)
    change: Any | None = None
    warnings: tuple[str, ...] = ()
