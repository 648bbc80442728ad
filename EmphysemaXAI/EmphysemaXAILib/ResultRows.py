"""The run record of an analysis as rows of texts for the panel's tables; knows no widget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SlicerMambaMedLib.Text import tr as _

__all__ = ["changeRows", "checkRows", "measureRows", "patternRows"]

_SHORT = ("volume_l", "mass_g", "mean_hu", "perc15_hu")
_FIRST_LOW = "laa950_percent"


def measureRows(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the header and one row per region, the measures that are read most first."""
    from mambamed.emphysema.report.measure_text import measure_groups
    from mambamed.emphysema.report.measure_text import measure_text
    from mambamed.emphysema.report.measure_text import measure_title

    regions: Mapping[str, Mapping[str, Any]] = record.get("regions") or {}
    names = [name for group in measure_groups(_keys(regions)).values() for name in group]
    first = [name for name in (_SHORT[0], _FIRST_LOW, *_SHORT[1:]) if name in names]
    names = first + [name for name in names if name not in first]
    rows = [[region, *(measure_text(name, values.get(name)) for name in names)] for region, values in regions.items()]
    return [_("Region"), *map(measure_title, names)], rows


def patternRows(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the header and one row per region with the percentage of each local pattern."""
    from mambamed.emphysema.report.measure_text import PATTERN_NAMES
    from mambamed.emphysema.report.measure_text import number_text

    percent: Mapping[str, Mapping[str, Any]] = (record.get("patterns") or {}).get("percent") or {}
    codes = _keys(percent)
    titles = [f"{PATTERN_NAMES.get(code, code)} (%)" for code in codes]
    rows = [[region, *(number_text(values.get(code), 1) for code in codes)] for region, values in percent.items()]
    return [_("Region"), *titles], rows


def checkRows(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]], list[str], list[int]]:
    """Return the header, one row per check, what each check means, and the rows of those that failed."""
    from mambamed.emphysema.report.explanation_section import check_of_record
    from mambamed.emphysema.report.measure_text import method_title

    rows, toolTips, failed = [], [], []
    for method, values in (record.get("explanations") or {}).items():
        for entry in values.get("checks", ()):
            check = check_of_record(entry)
            if check.passed is False:
                failed.append(len(rows))
            # The outcome stands second: the panel is narrow, and it must be seen without scrolling.
            rows.append([f"{method_title(method)}: {check.name}", check.verdict, check.measured, check.expected])
            toolTips.append(check.explanation)
    return [_("Check"), _("Outcome"), _("Found"), _("Expected")], rows, toolTips, failed


def changeRows(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the header, one row per region with its change, and what the rows mean."""
    from mambamed.emphysema.report.follow_up_section import change_table

    table = change_table(record.get("change"))
    if table is None:
        return [], [], []
    return list(table.columns), [list(row) for row in table.rows], [table.caption] * len(table.rows)


def _keys(values: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for item in values.values() for name in item))
