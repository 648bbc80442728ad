"""The change between two scans of one patient, with the limits within which it may be chance."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from mambamed.emphysema.report.document import Block
from mambamed.emphysema.report.document import Notice
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.document import Section
from mambamed.emphysema.report.document import Table
from mambamed.emphysema.report.measure_text import number_text

__all__ = ["change_table", "follow_up_section"]

_COLUMNS = {
    "volume_l": ("Volume (l)", 2),
    "mass_g": ("Mass (g)", 0),
    "mean_hu": ("Mean (HU)", 0),
    "laa950_points": ("LAA−950 (points)", 1),
    "perc15_hu": ("Perc15 (HU)", 0),
    "adjusted_laa950_points": ("LAA−950, volume-adjusted (points)", 1),
    "adjusted_perc15_hu": ("Perc15, volume-adjusted (HU)", 0),
    "adjusted_perc15_percent": ("Perc15 density, volume-adjusted (%)", 1),
}
_CAPTION = (
    "Later scan minus earlier scan. Volume-adjusted: the earlier scan is brought to the later volume by the sponge "
    "model before both are compared. An asterisk marks a change beyond the repeatability of two scans."
)


def change_table(change: Mapping[str, Any] | None) -> Table | None:
    """Return the change of each region as a table, or None when there was no earlier scan.

    Args:
        change: as in the run record: ``regions`` (name to changes) and ``repeatability``.
    """
    if not change:
        return None
    rows = []
    for region, values in change["regions"].items():
        beyond = values.get("beyond_repeatability") or ()
        cells = [_signed(values.get(name), decimals, name in beyond) for name, (_, decimals) in _COLUMNS.items()]
        rows.append((region, *cells))
    return Table(("Region", *(title for title, _ in _COLUMNS.values())), tuple(rows), _CAPTION)


def follow_up_section(change: Mapping[str, Any] | None, pictures: Sequence[Picture]) -> Section | None:
    """Return the section on follow-up, or None when there was no earlier scan."""
    table = change_table(change)
    if table is None or change is None:
        return None
    blocks: list[Block] = [table, *pictures]
    rows = [
        (_COLUMNS[name][0] if name in _COLUMNS else name, f"±{float(entry['limit']):g}", str(entry["source"]))
        for name, entry in (change.get("repeatability") or {}).items()
    ]
    if rows:
        text = "Repeatability of the whole lung: a change within these limits cannot be told from chance."
        blocks.append(Table(("Measure", "Limit", "Measured in"), tuple(rows), text))
    else:
        blocks.append(Notice("A change within the repeatability of two scans cannot be told from chance.", "note"))
    return Section("Follow-up", tuple(blocks))


def _signed(value: Any, decimals: int, is_beyond: bool) -> str:
    text = number_text(value, decimals)
    if value is not None and float(value) > 0:
        text = f"+{text}"
    return f"{text} *" if is_beyond else text
