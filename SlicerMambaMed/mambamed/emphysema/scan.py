"""One chest CT made ready to be measured: turned to LPS, checked, with its lungs, thirds, lobes and prepared values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.analysis_warning import AnalysisWarning
from mambamed.emphysema.checks import check_is_chest_ct
from mambamed.emphysema.checks import check_is_volume
from mambamed.emphysema.checks import refuse_cropped
from mambamed.emphysema.checks import refuse_values
from mambamed.emphysema.density import RegionMeasures
from mambamed.emphysema.density import measure_region
from mambamed.emphysema.lungs.given import lobe_masks
from mambamed.emphysema.lungs.given import on_grid_of
from mambamed.emphysema.lungs.given import sides_of_given_lungs
from mambamed.emphysema.lungs.segment import LungSegmentation
from mambamed.emphysema.lungs.segment import segment_lungs
from mambamed.emphysema.lungs.sides import LEFT
from mambamed.emphysema.lungs.sides import RIGHT
from mambamed.emphysema.lungs.thirds import split_thirds
from mambamed.emphysema.lungs.work_grid import OUT_OF_FIELD_HU
from mambamed.emphysema.preparation import Preparation
from mambamed.emphysema.preparation import prepare_values
from mambamed.emphysema.regions import Regions
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.errors import BadRequestError
from mambamed.imaging.orientation import reorient
from mambamed.jobs.reporter import Reporter

__all__ = ["Scan", "measure_scan", "prepare_scan"]

_ORIENTATION = "LPS"
_DENSEST_LUNG_HU = -150.0


@dataclass(frozen=True)
class Scan:
    """A scan with everything that is measured on it; arrays are (z, y, x), x towards the patient's left.

    Attributes:
        image: The CT turned to LPS.
        ct_hu: Its values as they came.
        values_hu: Its values after noise filter and calibration (the same array if neither was asked for).
        spacing_mm: (z, y, x).
        sides: uint8: 0, 1 left, 2 right.
        thirds: uint8, values of ``lungs.thirds.REGION_NAMES``.
        airways: bool.
        lobe_labels: uint8, 1 for the first lobe, ...; None where no lobes were given.
        regions: Region name to mask.
        preparation: What was done to the values.
        warnings: What the reader must know.
    """

    image: sitk.Image
    ct_hu: np.ndarray
    values_hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    sides: np.ndarray
    thirds: np.ndarray
    airways: np.ndarray
    lobe_labels: np.ndarray | None
    regions: Regions
    preparation: Preparation
    warnings: tuple[AnalysisWarning, ...]


def prepare_scan(
    ct: sitk.Image,
    lungs: sitk.Image | None,
    lobes: sitk.Image | None,
    settings: EmphysemaSettings,
    reporter: Reporter,
) -> Scan:
    """Check a CT, find or take its lungs, and prepare its values.

    Args:
        ct: Chest CT in HU, any orientation.
        lungs: Label map of the lungs, or None to find them.
        lobes: Label map of the lobes; without ``lungs`` they are the lungs together.
        settings: Noise filter, calibration, names of the lobes.
        reporter: Told the progress.

    Raises:
        BadRequestError: It is not a whole chest CT in HU, or a segmentation does not fit.
    """
    check_is_volume(ct)
    image = reorient(ct, _ORIENTATION)
    array = sitk.GetArrayFromImage(image)
    ct_hu = array if array.dtype == np.int16 else array.astype(np.float32)
    spacing_x, spacing_y, spacing_z = (float(value) for value in image.GetSpacing())
    spacing_mm = (spacing_z, spacing_y, spacing_x)
    warnings: list[AnalysisWarning] = []
    given_lungs = _given(lungs, "lungs", ct, warnings)
    if given_lungs is not None and settings.lung_values is not None:
        given_lungs = np.where(np.isin(given_lungs, settings.lung_values), given_lungs, 0)
        if not given_lungs.any():
            raise BadRequestError("None of the label values of the lungs is in the segmentation of the lungs.")
    given_lobes = _given(lobes, "lobes", ct, warnings)
    lobe_names = lobe_masks(given_lobes, settings.lobe_names) if given_lobes is not None else {}
    if given_lungs is None and given_lobes is not None:
        given_lungs = _sides_of_lobes(lobe_names)
    found = _lungs(ct_hu, spacing_mm, given_lungs, settings, reporter)
    unmeasured = (ct_hu <= OUT_OF_FIELD_HU) & (found.sides > 0)
    if unmeasured.any():
        found.sides[unmeasured] = 0
        if given_lungs is not None:
            warnings.append(
                AnalysisWarning(
                    "truncated",
                    f"{np.count_nonzero(unmeasured)} voxels of the given lungs lie outside the scanner's field of view "
                    "and were left out.",
                )
            )
    if not found.trachea_core.any() and given_lungs is None:
        warnings.append(
            AnalysisWarning(
                "segmentation",
                "The trachea was not found: trachea and main airways may be counted as lung, which raises LAA%.",
            )
        )
    missing = [name for name, side in (("left", LEFT), ("right", RIGHT)) if not (found.sides == side).any()]
    if missing:
        warnings.append(
            AnalysisWarning("segmentation", f"No {missing[0]} lung was found; check the segmentation of the lungs.")
        )
    regions, lobe_labels = _regions(found.sides, lobe_names, image)
    values, preparation = prepare_values(ct_hu, found.sides > 0, found.trachea_core, spacing_mm, settings)
    return Scan(
        image,
        ct_hu,
        values,
        spacing_mm,
        found.sides,
        regions.thirds,
        found.airways,
        lobe_labels,
        regions,
        preparation,
        (*warnings, *preparation.warnings),
    )


def measure_scan(scan: Scan, settings: EmphysemaSettings, reporter: Reporter) -> dict[str, RegionMeasures]:
    """Measure every region of a scan, with progress from 0 to 1."""
    measures = {}
    for number, name in enumerate(scan.regions):
        reporter.progress("measuring density", number / len(scan.regions))
        reporter.check_cancelled()
        measures[name] = measure_region(
            scan.values_hu,
            scan.regions[name],
            scan.spacing_mm,
            settings.low_attenuation_thresholds_hu,
            settings.high_attenuation_range_hu,
            settings.cluster_threshold_hu,
        )
    return measures


def _given(labels: sitk.Image | None, name: str, ct: sitk.Image, warnings: list[AnalysisWarning]) -> np.ndarray | None:
    """Bring a given segmentation to the CT's grid and to LPS."""
    if labels is None:
        return None
    placed, other_grid = on_grid_of(labels, ct, name)
    if other_grid:
        warnings.append(
            AnalysisWarning(
                "grid", f"The segmentation of the {name} lay on another grid and was resampled to the CT's."
            )
        )
    return sitk.GetArrayFromImage(reorient(placed, _ORIENTATION))


def _sides_of_lobes(lobes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Lungs as the union of the lobes; sides follow from the lobes' names, or from their place."""
    sides = np.zeros(next(iter(lobes.values())).shape, dtype=np.uint8)
    named = all(name.lower().startswith(("left", "right")) for name in lobes)
    for name, mask in lobes.items():
        sides[mask] = (LEFT if name.lower().startswith("left") else RIGHT) if named else 1
    return sides


def _lungs(
    ct_hu: np.ndarray,
    spacing_mm: tuple[float, float, float],
    given: np.ndarray | None,
    settings: EmphysemaSettings,
    reporter: Reporter,
) -> LungSegmentation:
    """Find the lungs, or take those that were given."""
    if given is None:
        refuse_values(ct_hu)
        found = segment_lungs(ct_hu, spacing_mm, reporter)
        check_is_chest_ct(found.sides, float(np.prod(spacing_mm)) / 1000.0, ct_hu)
        refuse_cropped(found.sides > 0)
        return found
    sides = sides_of_given_lungs(given, ct_hu, spacing_mm)
    mean_hu = float(ct_hu[sides > 0].mean(dtype=np.float64))
    if not -1100.0 <= mean_hu <= _DENSEST_LUNG_HU:
        raise BadRequestError(
            f"The mean in the given lungs is {mean_hu:.0f}, expected -1000 to {_DENSEST_LUNG_HU:.0f} HU: the "
            "segmentation belongs to another scan, or the CT's values are not HU."
        )
    nothing = np.zeros(sides.shape, dtype=bool)
    if not settings.tracheal_air_calibration:
        return LungSegmentation(sides, nothing, nothing)
    own = segment_lungs(ct_hu, spacing_mm, reporter)
    return LungSegmentation(sides, own.airways & (sides == 0), own.trachea_core & (sides == 0))


def _regions(
    sides: np.ndarray, lobes: Mapping[str, np.ndarray], image: sitk.Image
) -> tuple[Regions, np.ndarray | None]:
    direction = np.asarray(image.GetDirection()).reshape(3, 3)
    rise_mm = [float(direction[2, axis]) * image.GetSpacing()[axis] for axis in (2, 1, 0)]
    thirds = split_thirds(sides, (rise_mm[0], rise_mm[1], rise_mm[2]))
    inside = {name: mask & (sides > 0) for name, mask in lobes.items()}
    labels = None
    if inside:
        labels = np.zeros(sides.shape, dtype=np.uint8)
        for value, mask in enumerate(inside.values(), start=1):
            labels[mask] = value
    return Regions(sides, thirds, inside), labels
