"""What may be done to the values before they are measured: noise filter and calibration; both off by default."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from mambamed.emphysema.analysis_warning import AnalysisWarning
from mambamed.emphysema.density import percent_below
from mambamed.emphysema.settings import EmphysemaSettings

__all__ = ["Preparation", "prepare_values"]

_AIR_HU = -1000.0
_FEWEST_AIR_VOXELS = 30
_LARGEST_SHIFT_HU = 40.0
_NORMAL_INTERQUARTILE_RANGE = 1.349


@dataclass(frozen=True)
class Preparation:
    """What was done.

    Attributes:
        noise_filter: ``off`` or the filter in words.
        calibration_shift_hu: Added to every value; 0 without calibration.
        trachea_mean_hu: Mean of the air in the trachea (of the middle half of its values) before any of it; None if
            the trachea was not found.
        trachea_sd_hu: Its standard deviation, from the same: the noise of the scan.
        warnings: What the reader must know.
    """

    noise_filter: str = "off"
    calibration_shift_hu: float = 0.0
    trachea_mean_hu: float | None = None
    trachea_sd_hu: float | None = None
    warnings: tuple[AnalysisWarning, ...] = field(default=())

    def to_json(self) -> dict[str, object]:
        """Return the values without the warnings."""
        return {
            "noise_filter": self.noise_filter,
            "tracheal_air_calibration": f"{self.calibration_shift_hu:+.1f} HU" if self.calibration_shift_hu else "off",
            "trachea_mean_hu": self.trachea_mean_hu,
            "trachea_sd_hu": self.trachea_sd_hu,
        }


def prepare_values(
    ct_hu: np.ndarray,
    lungs: np.ndarray,
    trachea_core: np.ndarray,
    spacing_mm: tuple[float, float, float],
    settings: EmphysemaSettings,
) -> tuple[np.ndarray, Preparation]:
    """Filter and calibrate the values as the settings say.

    Args:
        ct_hu: HU, (z, y, x).
        lungs: bool (z, y, x), where the filter acts.
        trachea_core: bool (z, y, x), lumen of the trachea away from its wall; may be empty.
        spacing_mm: (z, y, x).
        settings: ``noise_filter``, ``gaussian_sigma_mm``, ``tracheal_air_calibration``.

    Returns:
        The values to measure (the same array if nothing is done) and what was done to them.
    """
    air = ct_hu[trachea_core]
    known = air.size >= _FEWEST_AIR_VOXELS
    mean_hu, sd_hu = _middle_half(air) if known else (None, None)
    values = ct_hu
    words = "off"
    warnings: list[AnalysisWarning] = []
    if settings.noise_filter != "off":
        values, words = _filtered(ct_hu, lungs, spacing_mm, settings)
        warnings.append(_effect(words, ct_hu[lungs], values[lungs]))
    shift_hu = 0.0
    if settings.tracheal_air_calibration:
        shift_hu, warning = _shift(mean_hu)
        warnings.append(warning)
        if shift_hu:
            values = values.astype(np.float32) + np.float32(shift_hu)
    return values, Preparation(words, shift_hu, mean_hu, sd_hu, tuple(warnings))


def _middle_half(air: np.ndarray) -> tuple[float, float]:
    """Mean of the middle half of the values, and the standard deviation that their spread means.

    The rest holds the slices in which the trachea begins and ends, with tissue mixed in.
    """
    low, high = np.percentile(air, [25.0, 75.0])
    middle = air[(air >= low) & (air <= high)]
    return float(middle.mean(dtype=np.float64)), float((high - low) / _NORMAL_INTERQUARTILE_RANGE)


def _filtered(
    ct_hu: np.ndarray, lungs: np.ndarray, spacing_mm: tuple[float, float, float], settings: EmphysemaSettings
) -> tuple[np.ndarray, str]:
    """Filter inside the lungs only: the chest wall and vessels of the hilum must not be mixed into their border."""
    median = settings.noise_filter == "median"
    words = (
        "median of 3 x 3 x 3 voxels" if median else f"Gaussian of {settings.gaussian_sigma_mm:g} mm standard deviation"
    )
    (box,) = ndimage.find_objects(lungs.astype(np.uint8)) or (None,)
    if box is None:
        return ct_hu, words
    sigmas = [settings.gaussian_sigma_mm / spacing for spacing in spacing_mm]
    margins = [1 if median else int(4 * sigma) + 1 for sigma in sigmas]
    near = tuple(slice(max(0, part.start - width), part.stop + width) for part, width in zip(box, margins, strict=True))
    inside = lungs[near]
    nearest = ndimage.distance_transform_edt(~inside, spacing_mm, return_distances=False, return_indices=True)
    continued = ct_hu[near][tuple(nearest)]
    if median:
        smooth = sitk.GetArrayFromImage(sitk.Median(sitk.GetImageFromArray(continued), (1, 1, 1)))
    else:
        smooth = ndimage.gaussian_filter(continued.astype(np.float32), sigmas)
    values = ct_hu.astype(smooth.dtype)
    values[near][inside] = smooth[inside]
    return values, words


def _effect(words: str, before: np.ndarray, after: np.ndarray) -> AnalysisWarning:
    """Say what the filter did to the lungs of this scan."""
    if not before.size:
        return AnalysisWarning("noise", f"A noise filter was applied ({words}).")
    return AnalysisWarning(
        "noise",
        f"A noise filter was applied ({words}): it changed LAA-950 of the lungs from "
        f"{percent_below(before, -950.0):.2f} to {percent_below(after, -950.0):.2f} % and Perc15 from "
        f"{np.percentile(before, 15):.1f} to {np.percentile(after, 15):.1f} HU; "
        "compare only with scans that were filtered alike.",
    )


def _shift(mean_hu: float | None) -> tuple[float, AnalysisWarning]:
    if mean_hu is None:
        return 0.0, AnalysisWarning(
            "calibration", "The values were not calibrated: too little air of the trachea is in the scan."
        )
    shift_hu = _AIR_HU - mean_hu
    if abs(shift_hu) > _LARGEST_SHIFT_HU:
        return 0.0, AnalysisWarning(
            "calibration",
            f"The values were not calibrated: the air in the trachea has {mean_hu:.0f} HU, which is farther from "
            f"-1000 HU than a scanner's error ({_LARGEST_SHIFT_HU:g} HU at most).",
        )
    return shift_hu, AnalysisWarning(
        "calibration",
        f"All values were shifted by {shift_hu:+.1f} HU, so that the air in the trachea ({mean_hu:.1f} HU) is -1000 "
        "HU; compare only with scans that were calibrated alike.",
    )
