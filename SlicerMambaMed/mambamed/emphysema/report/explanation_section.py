"""The explanations of the severity with the checks that say how far they can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from mambamed.emphysema.report.document import Block
from mambamed.emphysema.report.document import Check
from mambamed.emphysema.report.document import Checks
from mambamed.emphysema.report.document import Notice
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.document import Section
from mambamed.emphysema.report.document import Table
from mambamed.emphysema.report.measure_text import method_title
from mambamed.emphysema.report.measure_text import number_text

__all__ = ["check_of_record", "explanation_section", "failed_checks"]

_MEANING = (
    "The maps show where the model looked, not where disease is. A map whose checks fail must not be read as an "
    "explanation."
)


def failed_checks(explanations: Mapping[str, Any] | None) -> list[str]:
    """Return ``method: check`` for every check that failed."""
    return [
        f"{method_title(method)}: {check['name']}"
        for method, values in (explanations or {}).items()
        for check in values.get("checks", ())
        if check.get("passed") is False
    ]


def explanation_section(explanations: Mapping[str, Any] | None, pictures: Sequence[Picture]) -> Section | None:
    """Return the section on explanations, or None when there are none."""
    if not explanations:
        return None
    blocks: list[Block] = [Notice(_MEANING, "note"), *pictures]
    blocks.append(_scores(explanations))
    for method, values in explanations.items():
        checks = tuple(check_of_record(check) for check in values.get("checks", ()))
        failed = sum(check.passed is False for check in checks)
        passed = sum(check.passed is True for check in checks)
        counts = f"checks passed: {passed}, failed: {failed}"
        text = f"{method_title(method)}, for the grade {values.get('target_class')}: {counts}."
        blocks.append(Notice(text, "failed" if failed else "note"))
        blocks.append(Checks(checks))
    return Section("Explanations and their checks", tuple(blocks))


def check_of_record(values: Mapping[str, Any]) -> Check:
    """Return a check of the run record as the report shows it."""
    passed = values.get("passed")
    value = values.get("value")
    return Check(
        name=str(values["name"]),
        measured=number_text(value, 3) if isinstance(value, int | float) else str(value if value is not None else "–"),
        expected=_expected(value, values.get("limit"), passed),
        passed=None if passed is None else bool(passed),
        explanation=str(values.get("meaning") or ""),
    )


def _expected(value: Any, limit: Any, passed: Any) -> str:
    """Return the limit in words; on which side of it a value must lie follows from the outcome."""
    if limit is None:
        return "–"
    if not isinstance(limit, int | float) or not isinstance(value, int | float) or passed is None:
        return str(limit)
    side = "at most" if (value <= limit) == bool(passed) else "at least"
    return f"{side} {number_text(limit, 3)}"


def _scores(explanations: Mapping[str, Any]) -> Table:
    regions = list(dict.fromkeys(name for item in explanations.values() for name in item.get("region_scores", {})))
    rows = tuple(
        (region, *(number_text(item.get("region_scores", {}).get(region), 3) for item in explanations.values()))
        for region in regions
    )
    titles = tuple(method_title(method) for method in explanations)
    return Table(("Region", *titles), rows, "Activation score of each region.")
