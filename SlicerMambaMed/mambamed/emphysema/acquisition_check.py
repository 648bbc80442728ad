"""Warnings about how a scan was made: each says what was found and how it changes the reading."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.analysis_warning import AnalysisWarning
from mambamed.emphysema.kernels import kernel_sharpness
from mambamed.emphysema.lungs.work_grid import OUT_OF_FIELD_HU

__all__ = ["check_acquisition", "check_scan"]

THICKEST_SLICE_MM = 1.5
REFERENCE_KILOVOLT = 120.0
LOW_INSPIRATION_L = 3.5
COARSE_PIXEL_MM = 1.2
_LARGEST_VOLTAGE_DIFFERENCE = 5.0
_CLIPPED_PART = 0.5
_CUT_PART = 0.005


def check_acquisition(acquisition: Acquisition, spacing_mm: tuple[float, float, float]) -> Iterator[AnalysisWarning]:
    """Yield warnings about kernel, slices, tube voltage, contrast and scanner.

    Args:
        acquisition: What is known.
        spacing_mm: Voxel size (z, y, x).
    """
    sharpness = kernel_sharpness(acquisition.kernel, acquisition.manufacturer)
    if sharpness in ("sharp", "medium"):
        yield AnalysisWarning(
            "kernel",
            f'The reconstruction kernel "{acquisition.kernel}" is {sharpness}: it leaves noise that is counted as '
            "emphysema, so that LAA% is too high and Perc15 too low; use a soft kernel (for example Siemens B31f or "
            "Br36, GE STANDARD, Philips B, Canon FC01), and never compare different kernels.",
        )
    elif acquisition.kernel is not None and sharpness == "unknown":
        yield AnalysisWarning(
            "kernel",
            f'The reconstruction kernel "{acquisition.kernel}" is not known here; if it is sharp, LAA% is too high and '
            "Perc15 too low.",
        )
    thickness_mm = acquisition.slice_thickness_mm or spacing_mm[0]
    if thickness_mm > THICKEST_SLICE_MM:
        yield AnalysisWarning(
            "slice-thickness",
            f"The slices are {thickness_mm:.3g} mm thick, expected {THICKEST_SLICE_MM:g} mm or less: small areas of "
            "emphysema are averaged away and LAA% tends to be too low; compare only with scans of the same thickness.",
        )
    if acquisition.contrast:
        yield AnalysisWarning(
            "contrast",
            "Contrast agent was given: it makes the lungs denser, so that LAA% is too low and mass too high.",
        )
    voltage = acquisition.kilovolt_peak
    if voltage is not None and abs(voltage - REFERENCE_KILOVOLT) > _LARGEST_VOLTAGE_DIFFERENCE:
        yield AnalysisWarning(
            "kilovolt-peak",
            f"The tube voltage is {voltage:g} kV, expected {REFERENCE_KILOVOLT:g} kV: thresholds in HU are defined for "
            "120 kV; compare only with scans of the same voltage.",
        )
    if acquisition.reconstruction is not None:
        yield AnalysisWarning(
            "reconstruction",
            f"The reconstruction is {acquisition.reconstruction}: it lowers noise and with it LAA%; compare only with "
            "scans that were reconstructed alike.",
        )
    if max(spacing_mm[1:]) > COARSE_PIXEL_MM:
        yield AnalysisWarning(
            "resolution",
            f"The pixels are {max(spacing_mm[1:]):.3g} mm wide, expected {COARSE_PIXEL_MM:g} mm or less: the volume "
            "was coarsened, which averages small areas of emphysema away.",
        )
    missing = [
        words
        for words, value in (
            ("reconstruction kernel", acquisition.kernel),
            ("slice thickness", acquisition.slice_thickness_mm),
            ("tube voltage", acquisition.kilovolt_peak),
            ("contrast", acquisition.contrast),
            ("manufacturer", acquisition.manufacturer),
        )
        if value is None
    ]
    if missing:
        yield AnalysisWarning(
            "acquisition-unknown",
            f"Not known about this scan: {', '.join(missing)}; give it by hand, since it can change LAA% several "
            "times.",
        )


def check_scan(ct_hu: np.ndarray, lungs: np.ndarray, total_l: float) -> Iterator[AnalysisWarning]:
    """Yield warnings that the values themselves give: breath-hold, clipping, lungs cut off by the volume's edge.

    Args:
        ct_hu: HU as they came, (z, y, x).
        lungs: bool, same shape.
        total_l: Volume of both lungs in litres.
    """
    if 0.0 < total_l < LOW_INSPIRATION_L:
        yield AnalysisWarning(
            "inspiration",
            f"The lungs hold {total_l:.2f} l, less than {LOW_INSPIRATION_L:g} l, which adults exceed at full "
            "inspiration: the breath-hold was probably low (or the patient is small), and then LAA% is too low and "
            "Perc15 too high.",
        )
    near_air = np.count_nonzero((ct_hu >= -1010) & (ct_hu <= -990))
    at_limit = np.count_nonzero(ct_hu == -1000)
    below = np.count_nonzero((ct_hu < -1000) & (ct_hu > -1100))
    if near_air and at_limit > _CLIPPED_PART * near_air and below < 0.01 * at_limit:
        yield AnalysisWarning(
            "clipped",
            "The values are cut off at -1000 HU: noise below air is missing, so that the mean of air and of severe "
            "emphysema is too high, and a calibration by air is biased.",
        )
    touched = _touched_faces(lungs)
    if _reaches_padding(ct_hu, lungs):
        touched.append("at the edge of the field of view")
    if touched:
        yield AnalysisWarning(
            "truncated",
            f"The lungs are cut off at the volume's edge ({', '.join(touched)}): volume, mass and all percentages hold "
            "only for the part that is in the scan.",
        )


def _touched_faces(lungs: np.ndarray) -> list[str]:
    """Name the faces of the volume where more than 0.5 % of the largest section of the lungs is cut."""
    names = (("below", "above"), ("in front", "behind"), ("on the right", "on the left"))
    found = []
    for axis in range(3):
        areas = lungs.sum(axis=tuple(other for other in range(3) if other != axis))
        largest = int(areas.max()) if areas.size else 0
        for name, index in zip(names[axis], (0, -1), strict=True):
            if largest and areas[index] > max(2.0, _CUT_PART * largest):
                found.append(name)
    return found


def _reaches_padding(ct_hu: np.ndarray, lungs: np.ndarray) -> bool:
    """Tell whether the lungs lie beside what is outside the scanner's round field of view, within the slices."""
    outside = ct_hu <= OUT_OF_FIELD_HU
    if not outside.any() or not lungs.any():
        return False
    contact = np.count_nonzero(outside[:, 1:] & lungs[:, :-1]) + np.count_nonzero(outside[:, :-1] & lungs[:, 1:])
    contact += np.count_nonzero(outside[..., 1:] & lungs[..., :-1])
    contact += np.count_nonzero(outside[..., :-1] & lungs[..., 1:])
    return contact > max(2.0, _CUT_PART * int(lungs.sum(axis=(1, 2)).max()))
