"""What an emphysema analysis gives back."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import numpy as np
    import SimpleITK as sitk

    from mambamed.emphysema.acquisition import Acquisition
    from mambamed.emphysema.analysis_warning import AnalysisWarning
    from mambamed.emphysema.density import RegionMeasures
    from mambamed.emphysema.explain import Explanation
    from mambamed.emphysema.follow_up import RegionChange
    from mambamed.emphysema.preparation import Preparation
    from mambamed.emphysema.severity import SeverityResult

__all__ = ["EmphysemaResult", "Histograms", "PatternSummary"]


@dataclass(frozen=True)
class Histograms:
    """Voxels per bin of HU.

    Attributes:
        edges_hu: One more than there are bins.
        counts: Region name to voxels per bin.
    """

    edges_hu: np.ndarray
    counts: dict[str, np.ndarray]


@dataclass(frozen=True)
class PatternSummary:
    """Local patterns.

    Attributes:
        labelmap: uint8 on the CT's grid: 0 outside the lungs, 1 for the first code, ...
        codes: Codes in the order of the values.
        names: Code to words.
        percent: Region name to code to percentage of the region's classified voxels.
        model: Identifier, version, checksum.
    """

    labelmap: sitk.Image = field(repr=False)
    codes: tuple[str, ...]
    names: dict[str, str]
    percent: dict[str, dict[str, float | None]]
    model: dict[str, Any]


@dataclass(frozen=True)
class EmphysemaResult:
    """Measures and maps; all images lie on the CT's own grid.

    Attributes:
        regions: Region name to measures, for example ``regions["whole lung"].laa950_percent``.
        lungs: uint8 image: 0, 1 left lung, 2 right lung.
        thirds: uint8 image: 1-3 left upper, middle, lower third; 4-6 right.
        airways: uint8 image: 1 trachea and main airways.
        low_attenuation: uint8 image: 1 below the cluster threshold in the lungs.
        lobes: uint8 image, 1 for the first lobe, ...; None where none were given.
        histograms: Voxels per 10 HU by region.
        acquisition: What is known about how the scan was made.
        preparation: Noise filter and calibration that were applied.
        severity: Grade with its doubts, or None.
        patterns: Local patterns, or None.
        maps: Explanation method to float32 image, 0 outside the lungs.
        explanations: Explanation method to its checks and scores.
        change: Region name to change since the earlier scan, or None.
        warnings: What changes the reading, the weightiest first.
        record: All of it that JSON can hold.
    """

    regions: dict[str, RegionMeasures]
    lungs: sitk.Image = field(repr=False)
    thirds: sitk.Image = field(repr=False)
    airways: sitk.Image = field(repr=False)
    low_attenuation: sitk.Image = field(repr=False)
    lobes: sitk.Image | None = field(repr=False)
    histograms: Histograms = field(repr=False)
    acquisition: Acquisition
    preparation: Preparation
    severity: SeverityResult | None
    patterns: PatternSummary | None
    maps: dict[str, sitk.Image] = field(repr=False)
    explanations: dict[str, Explanation] = field(repr=False)
    change: dict[str, RegionChange] | None
    warnings: tuple[AnalysisWarning, ...]
    record: dict[str, Any] = field(default_factory=dict, repr=False)
