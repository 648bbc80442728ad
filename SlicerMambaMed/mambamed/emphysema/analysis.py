"""The whole analysis of a chest CT: the package's facade."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.acquisition_check import check_acquisition
from mambamed.emphysema.acquisition_check import check_scan
from mambamed.emphysema.analysis_warning import AnalysisWarning
from mambamed.emphysema.analysis_warning import ordered
from mambamed.emphysema.density import HISTOGRAM_EDGES_HU
from mambamed.emphysema.density import RegionMeasures
from mambamed.emphysema.density import histogram
from mambamed.emphysema.follow_up import RegionChange
from mambamed.emphysema.follow_up import acquisition_warning
from mambamed.emphysema.follow_up import compare_regions
from mambamed.emphysema.follow_up import volume_warning
from mambamed.emphysema.learned import LearnedParts
from mambamed.emphysema.learned import run_learned_parts
from mambamed.emphysema.regions import WHOLE_LUNG
from mambamed.emphysema.result import EmphysemaResult
from mambamed.emphysema.result import Histograms
from mambamed.emphysema.run_record import make_record
from mambamed.emphysema.scan import Scan
from mambamed.emphysema.scan import measure_scan
from mambamed.emphysema.scan import prepare_scan
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.emphysema.stages import StageReporter
from mambamed.imaging.geometry import image_from_array_like
from mambamed.imaging.orientation import reorient_like
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["analyze", "analyze_with"]

_NOTHING_KNOWN = Acquisition()


def analyze(
    ct: sitk.Image | str | os.PathLike[str],
    model: Any = None,
    lungs: sitk.Image | None = None,
    *,
    lobes: sitk.Image | None = None,
    expert: sitk.Image | None = None,
    previous_ct: sitk.Image | str | os.PathLike[str] | None = None,
    previous_lungs: sitk.Image | None = None,
    previous_lobes: sitk.Image | None = None,
    reporter: Reporter | None = None,
    **settings: Any,
) -> EmphysemaResult:
    """Analyse a chest CT.

    Args:
        ct: Chest CT in HU, any orientation; or the path of a volume file or DICOM folder, whose headers are then read.
        model: Severity model: identifier, folder, or one that was loaded. Giving one asks for the severity and its
            explanations, unless ``compute`` says otherwise. None takes ``settings.severity_model``.
        lungs: Label map of the lungs; None finds them.
        lobes: Label map of the lobes, for measures by lobe.
        expert: Label map of emphysema drawn by a person, for the checks of the explanations.
        previous_ct: Earlier scan of the same patient, or its path.
        previous_lungs: Label map of the lungs on the earlier scan.
        previous_lobes: Label map of the lobes on the earlier scan.
        reporter: Told progress and warnings.
        **settings: Fields of ``EmphysemaSettings``; the fields of ``Acquisition`` may be given directly.

    Returns:
        Measures, maps, warnings, record.

    Raises:
        BadRequestError: Not a whole chest CT in HU, a segmentation that does not fit, settings that cannot be meant.

    Example:
        >>> result = analyze(SimpleITK.ReadImage("chest.nii.gz"), noise_filter="median")
        >>> result.regions["left upper third"].perc15_hu
    """
    ct, known = _read(ct)
    previous, previous_known = _read(previous_ct) if previous_ct is not None else (None, _NOTHING_KNOWN)
    if model is not None and "compute" not in settings:
        settings["compute"] = (*EmphysemaSettings().compute, "severity", "explanations")
    by_hand = {name: settings.pop(name) for name in _NOTHING_KNOWN.to_json() if name in settings}
    if by_hand:
        settings["acquisition"] = Acquisition.from_json(by_hand)
    if isinstance(model, str | os.PathLike):
        settings["severity_model"] = os.fspath(model)
        model = None
    given = EmphysemaSettings(**settings)
    return analyze_with(
        ct,
        given,
        lungs=lungs,
        lobes=lobes,
        expert=expert,
        previous_ct=previous,
        previous_lungs=previous_lungs,
        previous_lobes=previous_lobes,
        loaded_model=model,
        known_acquisition=known,
        previous_acquisition=previous_known,
        reporter=reporter,
    )


def _read(ct: sitk.Image | str | os.PathLike[str]) -> tuple[sitk.Image, Acquisition]:
    """Take an image as it is, read a path with what its headers say."""
    if isinstance(ct, sitk.Image):
        return ct, _NOTHING_KNOWN
    from mambamed.emphysema.reading import read_ct

    return read_ct(Path(ct))


def analyze_with(
    ct: sitk.Image,
    settings: EmphysemaSettings,
    *,
    lungs: sitk.Image | None = None,
    lobes: sitk.Image | None = None,
    expert: sitk.Image | None = None,
    previous_ct: sitk.Image | None = None,
    previous_lungs: sitk.Image | None = None,
    previous_lobes: sitk.Image | None = None,
    loaded_model: Any = None,
    known_acquisition: Acquisition = _NOTHING_KNOWN,
    previous_acquisition: Acquisition = _NOTHING_KNOWN,
    reporter: Reporter | None = None,
) -> EmphysemaResult:
    """Analyse with settings in one value; see ``analyze``.

    ``known_acquisition`` is what DICOM says, ``previous_acquisition`` of the earlier scan; ``settings.acquisition``
    goes before the former. ``loaded_model`` is a severity model that was loaded before, used instead of
    ``settings.severity_model``.
    """
    report = reporter if reporter is not None else NullReporter()
    durations_s: dict[str, float] = {}
    learned_share = 0.0 if set(settings.compute) == {"density"} else 0.6
    density_end = (1.0 - learned_share) * (0.6 if previous_ct is not None else 1.0)
    started = time.perf_counter()
    scan = prepare_scan(ct, lungs, lobes, settings, StageReporter(report, 0.0, 0.6 * density_end))
    durations_s["lungs"] = time.perf_counter() - started
    started = time.perf_counter()
    measures = measure_scan(scan, settings, StageReporter(report, 0.6 * density_end, density_end))
    durations_s["density"] = time.perf_counter() - started
    acquisition = settings.acquisition.filled_by(known_acquisition)
    warnings = [*scan.warnings, *check_acquisition(acquisition, scan.spacing_mm)]
    warnings += check_scan(scan.ct_hu, scan.sides > 0, measures[WHOLE_LUNG]["volume_l"])
    change = None
    if previous_ct is not None:
        started = time.perf_counter()
        stage = StageReporter(report, density_end, 1.0 - learned_share)
        earlier = prepare_scan(previous_ct, previous_lungs, previous_lobes, settings, stage)
        change = _change(earlier, measures, settings, stage, warnings)
        found = acquisition_warning(previous_acquisition, acquisition)
        warnings += [found] if found is not None else []
        durations_s["follow-up"] = time.perf_counter() - started
    learned = run_learned_parts(
        scan, settings, loaded_model, expert, ct, StageReporter(report, 1.0 - learned_share, 1.0), durations_s
    )
    return _result(
        ct, scan, settings, measures, acquisition, [*warnings, *learned.warnings], change, learned, report, durations_s
    )


def _change(
    earlier: Scan,
    measures: dict[str, RegionMeasures],
    settings: EmphysemaSettings,
    reporter: Reporter,
    warnings: list[AnalysisWarning],
) -> dict[str, RegionChange]:
    """Compare with the earlier scan, and add what its quality says about the comparison."""
    earlier_measures = measure_scan(earlier, settings, reporter)
    values = {name: earlier.values_hu[earlier.regions[name]] for name in earlier.regions if name in measures}
    change = compare_regions(earlier_measures, measures, values, WHOLE_LUNG)
    found = volume_warning(change[WHOLE_LUNG], measures[WHOLE_LUNG])
    if found is not None:
        warnings.append(found)
    for warning in (
        *earlier.warnings,
        *check_scan(earlier.ct_hu, earlier.sides > 0, earlier_measures[WHOLE_LUNG]["volume_l"]),
    ):
        warnings.append(AnalysisWarning("follow-up", f"Earlier scan: {warning.message}"))
    return change


def _result(
    ct: sitk.Image,
    scan: Scan,
    settings: EmphysemaSettings,
    measures: dict[str, RegionMeasures],
    acquisition: Acquisition,
    warnings: Iterable[AnalysisWarning],
    change: dict[str, RegionChange] | None,
    learned: LearnedParts,
    reporter: Reporter,
    durations_s: dict[str, float],
) -> EmphysemaResult:
    def on_ct(array: np.ndarray) -> sitk.Image:
        values = array.astype(np.uint8) if array.dtype == bool else array
        return reorient_like(image_from_array_like(values, scan.image), ct)

    sorted_warnings = ordered(warnings)
    for warning in sorted_warnings:
        reporter.warning(warning.message)
    low = (scan.values_hu < settings.cluster_threshold_hu) & (scan.sides > 0)
    counts = {name: histogram(scan.values_hu[scan.regions[name]]) for name in scan.regions}
    result = EmphysemaResult(
        regions=measures,
        lungs=on_ct(scan.sides),
        thirds=on_ct(scan.thirds),
        airways=on_ct(scan.airways),
        low_attenuation=on_ct(low),
        lobes=on_ct(scan.lobe_labels) if scan.lobe_labels is not None else None,
        histograms=Histograms(HISTOGRAM_EDGES_HU, counts),
        acquisition=acquisition,
        preparation=scan.preparation,
        severity=learned.severity,
        patterns=learned.pattern_summary(on_ct),
        maps={method: on_ct(explanation.map) for method, explanation in learned.explanations.items()},
        explanations=learned.explanations,
        change=change,
        warnings=sorted_warnings,
    )
    result.record.update(make_record(result, settings, list(scan.regions)[9:], durations_s))
    reporter.progress("done", 1.0)
    return result
