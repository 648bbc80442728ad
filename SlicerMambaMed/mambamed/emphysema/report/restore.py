"""An analysis brought back from its run record and label maps, long after it was made, for writing it as DICOM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.density import RegionMeasures
from mambamed.emphysema.preparation import Preparation
from mambamed.emphysema.result import EmphysemaResult
from mambamed.emphysema.result import Histograms
from mambamed.emphysema.result import PatternSummary
from mambamed.errors import BadRequestError

__all__ = ["restore_result"]

_NEEDED = ("regions",)


def restore_result(record: Mapping[str, Any], labels: Mapping[str, sitk.Image], scan: sitk.Image) -> EmphysemaResult:
    """Return measures and label maps of a run as ``analyze`` gave them; maps and explanations are left out.

    Args:
        record: the run record.
        labels: label maps by output name: ``regions`` (needed), ``airways``, ``low_attenuation``, ``lobes``,
            ``patterns``.
        scan: the image whose grid the label maps are brought to (nearest voxel; the same voxels on the same place).

    Raises:
        BadRequestError: The record is of no analysis, or a label map does not lie in the scan.
    """
    missing = [name for name in _NEEDED if name not in labels]
    if missing or not record.get("regions"):
        raise BadRequestError(
            "The record or the segmentation of the lung regions is missing, expected those of a finished analysis; "
            "analyse the scan again."
        )
    on_scan = {name: _on_grid(image, name, scan) for name, image in labels.items()}
    nothing = sitk.Image(scan.GetSize(), sitk.sitkUInt8)
    nothing.CopyInformation(scan)
    patterns = None
    if "patterns" in on_scan:
        found = record.get("patterns") or {}
        patterns = PatternSummary(
            on_scan["patterns"], (), {}, dict(found.get("percent") or {}), dict(found.get("model") or {})
        )
    return EmphysemaResult(
        regions={name: RegionMeasures(values) for name, values in record["regions"].items()},
        lungs=sitk.Cast(on_scan["regions"] > 0, sitk.sitkUInt8),
        thirds=on_scan["regions"],
        airways=on_scan.get("airways", nothing),
        low_attenuation=on_scan.get("low_attenuation", nothing),
        lobes=on_scan.get("lobes"),
        histograms=Histograms(np.zeros(1), {}),
        acquisition=Acquisition(),
        preparation=Preparation(),
        severity=None,
        patterns=patterns,
        maps={},
        explanations={},
        change=None,
        warnings=(),
        record=dict(record),
    )


def _on_grid(image: sitk.Image, name: str, scan: sitk.Image) -> sitk.Image:
    placed = sitk.Resample(
        sitk.Cast(image, sitk.sitkUInt8), scan, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8
    )
    if sitk.GetArrayViewFromImage(image).any() and not sitk.GetArrayViewFromImage(placed).any():
        raise BadRequestError(
            f"The segmentation {name} does not lie in the DICOM series; expected the series that was analysed."
        )
    return placed
