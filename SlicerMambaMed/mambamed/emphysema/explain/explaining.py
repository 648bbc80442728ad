"""Explain a severity: maps on the CT's own grid, scores per region, and the checks of each map."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mambamed.emphysema.explain.checks import ExplanationCheck
from mambamed.emphysema.explain.checks import ExplanationSubject
from mambamed.emphysema.explain.checks import check_against_reference
from mambamed.emphysema.explain.checks import check_behaviour
from mambamed.emphysema.explain.settings import INTEGRATION_STEPS
from mambamed.emphysema.severity.grading import SeverityResult
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["Explanation", "explain"]

_REFERENCE_SHARE = 0.25
"""A voxel of the network's grid belongs to the reference if this share of its lung does."""


@dataclass(frozen=True)
class Explanation:
    """One explanation of a severity.

    Attributes:
        method: Of ``METHODS``.
        target_class: Name of the class whose evidence is explained: that the severity is at least this class (for the
            lowest class: that it is this class).
        map: float32 (z, y, x) on the CT's grid, 0 to 1 (its highest value), 0 outside the lungs.
        region_scores: Region to the mean of the map in it, relative to the mean in the lungs (1: as everywhere).
        checks: Outcomes.
        warnings: Kind and sentence.
        reference: ``expert``, ``low attenuation`` or ``none``: what the map was compared with.
    """

    method: str
    target_class: str
    map: np.ndarray
    region_scores: dict[str, float]
    checks: tuple[ExplanationCheck, ...]
    warnings: tuple[tuple[str, str], ...] = ()
    reference: str = "none"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, without the map."""
        return {
            "method": self.method,
            "target_class": self.target_class,
            "region_scores": dict(self.region_scores),
            "checks": [check.to_json() for check in self.checks],
            "warnings": [list(warning) for warning in self.warnings],
            "reference": self.reference,
        }


def explain(
    severity: SeverityResult,
    ct_hu: np.ndarray,
    lungs: np.ndarray,
    spacing_mm: tuple[float, float, float],
    *,
    methods: Sequence[str],
    target_class: str | None = None,
    layer: str | None = None,
    regions: Mapping[str, np.ndarray],
    low_attenuation: np.ndarray,
    expert: np.ndarray | None = None,
    seed: int = 0,
    device: str = "auto",
    reporter: Reporter | None = None,
) -> dict[str, Explanation]:
    """Explain a graded severity by several methods, each with its checks.

    Args:
        severity: From ``grade``, of this CT.
        ct_hu: (z, y, x) HU, as it was graded.
        lungs: (z, y, x) bool.
        spacing_mm: (z, y, x).
        methods: Of ``METHODS``.
        target_class: Name of a class; None takes the most probable one.
        layer: For Grad-CAM; None takes the last convolution stage.
        regions: Name to bool (z, y, x).
        low_attenuation: bool (z, y, x): below -950 HU in the lungs, no airways; the reference of the checks.
        expert: bool (z, y, x): emphysema drawn by a person; takes the place of ``low_attenuation``.
        seed: Of random weights, noise and orders in the checks.
        device: The explanations run where the model is; named for the record only.
        reporter: Hears progress and may cancel.

    Raises:
        BadRequestError: No such class, method or layer, or a severity without its network.
    """
    reporter = reporter or NullReporter()
    if severity.prepared is None:
        raise BadRequestError("The severity was read from a file; grade the CT again to explain it.")
    name = target_class or severity.grade
    if name not in severity.classes:
        raise BadRequestError(f"There is no class {name!r}; the model knows: {', '.join(severity.classes)}.")
    model, prepared = severity.prepared.model, severity.prepared.lungs
    if ct_hu.shape != prepared.ct_shape or lungs.shape != prepared.ct_shape:
        raise BadRequestError(
            f"The CT has the shape {ct_hu.shape}, the graded one had {prepared.ct_shape}; explain the graded CT."
        )
    target = severity.classes.index(name)
    values = torch.from_numpy(prepared.values.astype(np.float32))[None, None].to(model.device)
    mask = torch.from_numpy(prepared.mask)[None, None].float().to(model.device)
    kind = "expert" if expert is not None else "low attenuation"
    share = prepared.share_on_network_grid(expert if expert is not None else low_attenuation, lungs)
    reference = share >= _REFERENCE_SHARE
    results = {}
    for number, method in enumerate(methods):
        reporter.check_cancelled()
        reporter.progress(f"explaining: {method}", number / len(methods))
        subject = ExplanationSubject(model.network, values, mask, target, method, layer)
        found = subject.explained(INTEGRATION_STEPS)
        reporter.check_cancelled()
        reporter.progress(f"checking: {method}", (number + 0.3) / len(methods))
        checks = check_behaviour(subject, found, seed)
        on_grid = found.values.cpu().numpy()
        placed = check_against_reference(on_grid, reference, prepared.mask) if target > 0 else []
        checks += placed
        peak = float(on_grid.max())
        full = prepared.on_ct_grid(on_grid / peak if peak > 0.0 else on_grid)
        full[~lungs] = 0.0
        results[method] = Explanation(
            method=method,
            target_class=name,
            map=full,
            region_scores=_region_scores(full, lungs, regions),
            checks=tuple(checks),
            warnings=_warnings(method, peak),
            reference=kind if placed else "none",
        )
    reporter.progress("explained", 1.0)
    return results


def _region_scores(full: np.ndarray, lungs: np.ndarray, regions: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return each region's mean activation relative to that of the lungs."""
    everywhere = float(full[lungs].mean()) if lungs.any() else 0.0
    scores = {}
    for name, region in regions.items():
        inside = region & lungs
        if inside.any() and everywhere > 0.0:
            scores[name] = float(full[inside].mean()) / everywhere
        else:
            scores[name] = 0.0
    return scores


def _warnings(method: str, peak: float) -> tuple[tuple[str, str], ...]:
    if peak > 0.0:
        return ()
    return (("explanations", f"The map of {method} is empty: nothing in the lungs speaks for this class."),)
