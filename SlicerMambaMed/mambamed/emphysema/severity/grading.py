"""Grade the emphysema of one CT: probabilities of ordered classes, their spread, and whether to trust them at all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np
import torch

from mambamed.emphysema.severity.model import SeverityModel
from mambamed.emphysema.severity.model import load_severity_model
from mambamed.emphysema.severity.prepare import PreparedLungs
from mambamed.emphysema.severity.prepare import prepare_lungs
from mambamed.emphysema.severity.unlike import describe_lungs
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["PreparedSeverity", "SeverityResult", "grade", "look_at"]

_HELD_BY_INTERVAL = 0.9


@dataclass(frozen=True, eq=False)
class PreparedSeverity:
    """What explanations need: the model and its input."""

    model: SeverityModel
    lungs: PreparedLungs


@dataclass(frozen=True)
class SeverityResult:
    """The severity of emphysema with its doubts.

    Attributes:
        classes: Names in order of severity.
        probabilities: Of the classes; sum 1.
        grade: The most probable class.
        expected_grade: Mean class index under the probabilities.
        spread: Standard deviation of the class index.
        interval: Lowest and highest class index that hold 90 % of the probability (5 % on each side).
        unlike_training: Whether the scan is unlike those that the model learned from.
        unlike_training_score: Distance from the training scans, about 1 for typical ones.
        unlike_training_limit: Above this a scan is called unlike.
        unlike_training_reason: What stands out; empty if nothing does.
        demonstration: Whether the model is a demonstration only.
        model: ``id``, ``version``, ``sha256`` and ``card`` (as JSON) of the model.
        warnings: Kind and sentence of what changes the reading.
        prepared: What explanations need; not part of ``to_json``.
    """

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    grade: str
    expected_grade: float
    spread: float
    interval: tuple[int, int]
    unlike_training: bool
    unlike_training_score: float
    unlike_training_limit: float
    unlike_training_reason: str
    demonstration: bool
    model: dict[str, Any]
    warnings: tuple[tuple[str, str], ...] = ()
    prepared: PreparedSeverity | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, without arrays."""
        values = {
            entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self) if entry.name != "prepared"
        }
        values["warnings"] = [list(warning) for warning in self.warnings]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def grade(
    ct_hu: np.ndarray,
    lungs: np.ndarray,
    spacing_mm: tuple[float, float, float],
    *,
    model: str | SeverityModel = "emphysema-severity-demo",
    device: str = "auto",
    seed: int = 0,
    reporter: Reporter | None = None,
) -> SeverityResult:
    """Grade the emphysema in the lungs of a CT.

    Args:
        ct_hu: (z, y, x) HU, z towards the head, y towards the back, x towards the patient's left.
        lungs: (z, y, x) bool, airways removed.
        spacing_mm: (z, y, x).
        model: Identifier or folder of a severity model, or a loaded one.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; a loaded model stays on its own.
        seed: Part of every analysis; grading draws nothing at random.
        reporter: Hears progress and may cancel.

    Raises:
        BadRequestError: No lungs, or no such model.
        DeviceUnavailableError: No such device.
    """
    reporter = reporter or NullReporter()
    warnings: list[tuple[str, str]] = []
    loaded = model if isinstance(model, SeverityModel) else load_severity_model(model, device)
    reporter.progress("grading the severity", 0.1)
    prepared = prepare_lungs(ct_hu, lungs, spacing_mm, loaded.configuration)
    reporter.check_cancelled()
    probabilities, vector = look_at(loaded, prepared)
    index = np.arange(len(probabilities))
    expected = float(probabilities @ index)
    cumulative = np.cumsum(probabilities)
    tail = 0.5 * (1.0 - _HELD_BY_INTERVAL)
    lowest, highest = (int(np.searchsorted(cumulative, level - 1e-9)) for level in (tail, 1.0 - tail))
    score = loaded.likeness.distance(vector)
    unlike = not score <= loaded.likeness.limit
    reason = loaded.likeness.reason(vector) if unlike else ""
    card = loaded.card
    if card.demonstration_only:
        warnings.append(
            ("severity", f"The severity comes from {card.id}, a demonstration: it learned from phantoms, not patients.")
        )
    if unlike:
        warnings.append(("severity", f"This scan is unlike those that {card.id} learned from. {reason}"))
    if prepared.spacing_mm > 1.05 * loaded.configuration.spacing_mm:
        warnings.append(
            (
                "severity",
                f"The lungs are larger than the model's field; it saw them with voxels of {prepared.spacing_mm:.1f} mm "
                f"in place of {loaded.configuration.spacing_mm:.1f} mm.",
            )
        )
    reporter.progress("severity graded", 1.0)
    return SeverityResult(
        classes=loaded.configuration.classes,
        probabilities=tuple(float(value) for value in probabilities),
        grade=loaded.configuration.classes[int(probabilities.argmax())],
        expected_grade=expected,
        spread=float(np.sqrt(max(0.0, float(probabilities @ (index - expected) ** 2)))),
        interval=(lowest, min(highest, len(index) - 1)),
        unlike_training=unlike,
        unlike_training_score=score,
        unlike_training_limit=loaded.likeness.limit,
        unlike_training_reason=reason,
        demonstration=card.demonstration_only,
        model={"id": card.id, "version": card.version, "sha256": card.sha256(), "card": card.to_json()},
        warnings=tuple(warnings),
        prepared=PreparedSeverity(loaded, prepared),
    )


@torch.no_grad()
def look_at(model: SeverityModel, prepared: PreparedLungs) -> tuple[np.ndarray, np.ndarray]:
    """Return class probabilities (C,) and the vector (D,) that tells how like the training scans this one is."""
    values = torch.from_numpy(prepared.values)[None, None].to(model.device)
    mask = torch.from_numpy(prepared.mask)[None, None].to(model.device)
    pooled, _ = model.network.pooled(values, mask)
    probabilities = model.network.probabilities_of(*model.network.heads(pooled))[0]
    described = describe_lungs(prepared, model.configuration.window_hu)
    exact = probabilities.double().cpu().numpy().clip(0.0)
    return exact / exact.sum(), np.concatenate([described, pooled[0].float().cpu().numpy()])
