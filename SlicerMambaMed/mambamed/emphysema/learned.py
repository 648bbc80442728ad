"""The learned parts of an analysis, each run only when it is asked for; density never depends on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.analysis_warning import AnalysisWarning
from mambamed.emphysema.lungs.given import on_grid_of
from mambamed.emphysema.lungs.work_grid import clean_hu
from mambamed.emphysema.result import PatternSummary
from mambamed.emphysema.scan import Scan
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.emphysema.stages import StageReporter
from mambamed.imaging.orientation import reorient
from mambamed.jobs.reporter import Reporter

if TYPE_CHECKING:
    from mambamed.emphysema.explain import Explanation
    from mambamed.emphysema.patterns import PatternMap
    from mambamed.emphysema.severity import SeverityResult

__all__ = ["LearnedParts", "pattern_percent", "run_learned_parts"]

_LOW_ATTENUATION_HU = -950.0


@dataclass
class LearnedParts:
    """What the learned parts gave; None or empty where a part was not asked for."""

    severity: SeverityResult | None = None
    pattern_map: PatternMap | None = None
    pattern_percents: dict[str, dict[str, float | None]] = field(default_factory=dict)
    explanations: dict[str, Explanation] = field(default_factory=dict)
    warnings: list[AnalysisWarning] = field(default_factory=list)

    def pattern_summary(self, on_ct: Callable[[np.ndarray], sitk.Image]) -> PatternSummary | None:
        """Return the patterns as they are handed out; ``on_ct`` turns an array into an image on the CT's grid."""
        found = self.pattern_map
        if found is None:
            return None
        return PatternSummary(
            on_ct(found.labels), tuple(found.codes), dict(found.names), self.pattern_percents, dict(found.model)
        )


def run_learned_parts(
    scan: Scan,
    settings: EmphysemaSettings,
    loaded_model: Any,
    expert: sitk.Image | None,
    ct: sitk.Image,
    reporter: Reporter,
    durations_s: dict[str, float],
) -> LearnedParts:
    """Classify patterns, grade the severity and explain the grade, as far as asked for.

    Args:
        scan: The scan with its lungs.
        settings: What to compute and with which models.
        loaded_model: Severity model that was loaded before, or None.
        expert: Label map of emphysema drawn by a person, or None.
        ct: The CT as given, whose grid ``expert`` shall lie on.
        reporter: Told progress from 0 to 1.
        durations_s: Seconds per part are added here.
    """
    parts = LearnedParts()
    if set(settings.compute) == {"density"}:
        return parts
    lungs = scan.sides > 0
    ct_hu = clean_hu(scan.ct_hu)
    if "patterns" in settings.compute:
        from mambamed.emphysema.patterns import classify_patterns_map

        started = time.perf_counter()
        parts.pattern_map = classify_patterns_map(
            ct_hu,
            lungs,
            scan.spacing_mm,
            model=settings.pattern_model,
            device=settings.device,
            reporter=StageReporter(reporter, 0.0, 0.3),
        )
        parts.pattern_percents = pattern_percent(parts.pattern_map.labels, parts.pattern_map.codes, scan.regions)
        parts.warnings += _warnings("patterns", parts.pattern_map.warnings)
        durations_s["patterns"] = time.perf_counter() - started
    model = loaded_model if loaded_model is not None else settings.severity_model
    if "severity" in settings.compute and model is not None:
        from mambamed.emphysema.severity import grade

        started = time.perf_counter()
        parts.severity = grade(
            ct_hu,
            lungs,
            scan.spacing_mm,
            model=model,
            device=settings.device,
            seed=settings.seed,
            reporter=StageReporter(reporter, 0.3, 0.5),
        )
        parts.warnings += _warnings("severity", parts.severity.warnings)
        durations_s["severity"] = time.perf_counter() - started
    if "explanations" in settings.compute and parts.severity is not None and settings.explanation_methods:
        started = time.perf_counter()
        mask = _expert_mask(expert, ct, parts)
        try:
            _explain(parts, scan, ct_hu, settings, mask, StageReporter(reporter, 0.5, 1.0))
        except ImportError as error:
            message = f'The severity was not explained: the Python package "{error.name}" is missing; install it.'
            parts.warnings.append(AnalysisWarning("explanations", message))
        durations_s["explanations"] = time.perf_counter() - started
    return parts


def pattern_percent(
    labels: np.ndarray, codes: tuple[str, ...], regions: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float | None]]:
    """Percentage of each pattern among the classified voxels of each region; None where none are classified.

    Args:
        labels: uint8 (z, y, x): 0 not classified, 1 for the first code, ...
        codes: Codes in the order of the values.
        regions: Region name to mask.
    """
    result: dict[str, dict[str, float | None]] = {}
    for name, region in regions.items():
        counts = np.bincount(labels[region], minlength=len(codes) + 1)[1 : len(codes) + 1]
        total = int(counts.sum())
        result[name] = {
            code: 100.0 * float(count) / total if total else None for code, count in zip(codes, counts, strict=True)
        }
    return result


def _explain(
    parts: LearnedParts,
    scan: Scan,
    ct_hu: np.ndarray,
    settings: EmphysemaSettings,
    expert: np.ndarray | None,
    reporter: Reporter,
) -> None:
    from mambamed.emphysema.explain import explain

    if parts.severity is None:
        return
    lungs = scan.sides > 0
    parts.explanations = dict(
        explain(
            parts.severity,
            ct_hu,
            lungs,
            scan.spacing_mm,
            methods=settings.explanation_methods,
            target_class=settings.explanation_class,
            layer=settings.explanation_layer,
            regions=scan.regions,
            low_attenuation=(ct_hu < _LOW_ATTENUATION_HU) & lungs,
            expert=expert,
            seed=settings.seed,
            device=settings.device,
            reporter=reporter,
        )
    )
    for method, explanation in parts.explanations.items():
        parts.warnings += _warnings("explanations", explanation.warnings)
        failed = [check.name for check in explanation.checks if check.passed is False]
        if failed:
            parts.warnings.append(
                AnalysisWarning(
                    "explanations",
                    f"The explanation {method} failed {len(failed)} of its {len(explanation.checks)} checks "
                    f"({', '.join(failed)}): do not read it as the reason for the grade.",
                )
            )


def _expert_mask(expert: sitk.Image | None, ct: sitk.Image, parts: LearnedParts) -> np.ndarray | None:
    if expert is None:
        return None
    placed, other_grid = on_grid_of(expert, ct, "emphysema drawn by a person")
    if other_grid:
        parts.warnings.append(
            AnalysisWarning("grid", "The expert's segmentation lay on another grid and was resampled to the CT's.")
        )
    return sitk.GetArrayFromImage(reorient(placed, "LPS")) > 0


def _warnings(kind: str, found: Any) -> list[AnalysisWarning]:
    """Turn (kind, sentence) pairs, or sentences alone, into warnings."""
    pairs = [(kind, item) if isinstance(item, str) else (item[0], item[1]) for item in found]
    return [AnalysisWarning(name, message) for name, message in pairs]
