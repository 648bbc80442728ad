"""The severity as a report shows it: a distribution with its spread, never one bare label."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from mambamed.emphysema.report.document import Block
from mambamed.emphysema.report.document import Facts
from mambamed.emphysema.report.document import Notice
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.document import Section
from mambamed.emphysema.report.document import Table
from mambamed.emphysema.report.measure_text import number_text
from mambamed.emphysema.report.measure_text import percent_text

__all__ = ["severity_in_words", "severity_section"]

_READERS = (
    "For comparison: radiologists who grade the same scans agree with a weighted kappa of 0.71 to 0.80, and the best "
    "published network agreed exactly with them in 52 % of 9,650 scans (Xie 2023)."
)


def severity_in_words(severity: Mapping[str, Any]) -> str:
    """Return one sentence with the range that holds 90 % of the probability, the mean and the spread."""
    classes = list(severity["classes"])
    low, high = (int(index) for index in severity.get("interval") or (0, len(classes) - 1))
    span = classes[low] if low == high else f"{classes[low]} to {classes[high]}"
    mean = number_text(severity.get("expected_grade"), 2)
    spread = number_text(severity.get("spread"), 2)
    return f"90 % of the probability lies in: {span} (mean grade {mean}, spread {spread}, 0 = {classes[0]})"


def severity_section(severity: Mapping[str, Any] | None, pictures: Sequence[Picture]) -> Section | None:
    """Return the section on severity, or None when it was not computed."""
    if not severity:
        return None
    classes, probabilities = list(severity["classes"]), list(severity["probabilities"])
    at_least = [sum(probabilities[index:]) for index in range(len(classes))]
    rows = tuple(
        (name, str(index), percent_text(probability), percent_text(cumulative))
        for index, (name, probability, cumulative) in enumerate(zip(classes, probabilities, at_least, strict=True))
    )
    blocks: list[Block] = []
    model = severity.get("model") or {}
    if severity.get("demonstration"):
        blocks.append(Notice("Demonstration: not a finding about this patient.", "demonstration"))
    if severity.get("unlike_training"):
        reason = severity.get("unlike_training_reason") or "it lies outside of what the model has seen"
        blocks.append(Notice(f"This scan is unlike those that the model was trained on: {reason}.", "failed"))
    blocks.append(Notice(severity_in_words(severity) + ".", "note"))
    blocks.extend(pictures)
    columns = ("Grade", "Number", "Probability", "Probability of this grade or a higher one")
    blocks.append(Table(columns, rows, "Probabilities of the ordered grades."))
    score, limit = severity.get("unlike_training_score"), severity.get("unlike_training_limit")
    facts = [("Model", " ".join(str(model[key]) for key in ("id", "version") if model.get(key)))]
    if score is not None and limit is not None:
        text = f"{number_text(score, 2)} (flagged above {number_text(limit, 2)})"
        facts.append(("Distance from the training data", text))
    blocks.append(Facts(tuple(facts)))
    blocks.append(Notice(_READERS, "note"))
    return Section("Severity" + (" (demonstration)" if severity.get("demonstration") else ""), tuple(blocks))
