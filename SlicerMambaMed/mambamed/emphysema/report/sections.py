"""The result of an emphysema analysis as the sections of a report.

Works on the run record alone (a dictionary as in ``result.json``), so that a report can be made long after the
analysis, from the record that a scene holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timezone
from pathlib import PurePath
from typing import Any

from mambamed.emphysema.report.card_section import card_section
from mambamed.emphysema.report.document import Block
from mambamed.emphysema.report.document import Code
from mambamed.emphysema.report.document import Document
from mambamed.emphysema.report.document import Facts
from mambamed.emphysema.report.document import Notice
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.document import Section
from mambamed.emphysema.report.document import Table
from mambamed.emphysema.report.explanation_section import explanation_section
from mambamed.emphysema.report.explanation_section import failed_checks
from mambamed.emphysema.report.follow_up_section import follow_up_section
from mambamed.emphysema.report.measure_text import PATTERN_NAMES
from mambamed.emphysema.report.measure_text import measure_groups
from mambamed.emphysema.report.measure_text import measure_text
from mambamed.emphysema.report.measure_text import measure_title
from mambamed.emphysema.report.measure_text import number_text
from mambamed.emphysema.report.severity_section import severity_section

__all__ = ["FOOTER", "build_document"]

FOOTER = "MambaMed, for research; not for clinical use."

_ACQUISITION = {
    "kernel": ("Reconstruction kernel", ""),
    "slice_thickness_mm": ("Slice thickness", "mm"),
    "kilovolt_peak": ("Tube voltage", "kV"),
    "exposure_mas": ("Exposure", "mAs"),
    "contrast": ("Contrast agent", ""),
    "manufacturer": ("Manufacturer", ""),
    "scanner": ("Scanner", ""),
    "reconstruction": ("Reconstruction", ""),
}
_NOTES = {
    "density": "Perc15 and Perc10: the HU below which 15 % and 10 % of the voxels lie. Mass from HU, with air at "
    "−1000 HU as 0 g/ml and water at 0 HU as 1 g/ml.",
    "attenuation": "LAA−950: share of the voxels below −950 HU; the others likewise. HAA: share from −700 to −250 HU. "
    "Clusters: connected low attenuation voxels; D: exponent of the power law of their sizes.",
}


def build_document(
    record: Mapping[str, Any],
    case: str = "",
    pictures: Mapping[str, Sequence[Picture]] | None = None,
    cards: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """Return the report of a run.

    Args:
        record: the run record; parts that were not computed are missing or null.
        case: name of the case for the heading; the CT's file name if not given.
        pictures: by section: ``overlays``, ``histogram``, ``patterns``, ``severity``, ``explanations``, ``follow-up``.
        cards: the cards of the models that were used, as in ``model-card.json``.
    """
    drawn = dict(pictures or {})
    sections = [
        _read_first(record),
        _acquisition(record),
        _density(record, drawn),
        _patterns(record, drawn),
        severity_section(record.get("severity"), drawn.get("severity", ())),
        explanation_section(record.get("explanations"), drawn.get("explanations", ())),
        follow_up_section(record.get("change"), drawn.get("follow-up", ())),
        *(card_section(card) for card in cards),
        Section("Run record", (Code(_record_text(record), "Everything needed to make this result again"),)),
    ]
    return Document(
        title="Emphysema on chest CT",
        subtitle=_subtitle(record, case),
        sections=tuple(section for section in sections if section is not None and section.blocks),
        footer=FOOTER,
    )


def _subtitle(record: Mapping[str, Any], case: str) -> str:
    name = case or next((PurePath(str(item["path"])).name for item in record.get("inputs", ()) if item.get("path")), "")
    finished = record.get("finished")
    when = f"{datetime.fromtimestamp(finished, tz=timezone.utc):%Y-%m-%d %H:%M} UTC" if finished else ""
    version = record.get("versions", {}).get("mambamed", "")
    made = f"MambaMed {version}" if version else ""
    return " · ".join(part for part in (name, when, made) if part)


def _read_first(record: Mapping[str, Any]) -> Section:
    """Warnings and what failed, before any number."""
    notices = [Notice(str(text), "warning") for text in record.get("warnings", ())]
    failed = failed_checks(record.get("explanations"))
    if failed:
        names = "; ".join(failed)
        notices.append(Notice(f"Checks of the explanations that failed: {names}.", "failed"))
    if (record.get("severity") or {}).get("demonstration"):
        text = (
            "The severity comes from a demonstration model that was trained on synthetic scans; it says nothing about "
            "a patient. The density measures do not depend on it."
        )
        notices.append(Notice(text, "demonstration"))
    notices.append(Notice(FOOTER, "note"))
    return Section("Read first", tuple(notices))


def _acquisition(record: Mapping[str, Any]) -> Section:
    known = record.get("acquisition") or {}
    sources = known.get("sources") or {}
    rows = []
    for name, (title, unit) in _ACQUISITION.items():
        value = known.get(name)
        text = {None: "not known", True: "yes", False: "no"}.get(value) if value in (None, True, False) else ""
        text = text or (f"{value:g} {unit}".strip() if isinstance(value, float) else f"{value} {unit}".strip())
        source = sources.get(name) if isinstance(sources, Mapping) else None
        rows.append((title, f"{text} (from {source})" if source and value is not None else text))
    rows += [(title, text) for title, text in _preparation(record.get("preparation") or {})]
    return Section("Acquisition", (Facts(tuple(rows)),))


def _preparation(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was done to the values before they were measured, in words."""
    rows = []
    for name, value in values.items():
        title = name.replace("_", " ").replace(" hu", " (HU)").replace(" mm", " (mm)")
        text = {True: "on", False: "off", None: "–"}.get(value) if value in (True, False, None) else None
        if text is None:
            text = number_text(value, 1) if isinstance(value, float) else str(value)
        rows.append((title[:1].upper() + title[1:], text))
    return rows


def _density(record: Mapping[str, Any], pictures: Mapping[str, Sequence[Picture]]) -> Section:
    regions: Mapping[str, Mapping[str, Any]] = record.get("regions") or {}
    names = list(dict.fromkeys(name for measures in regions.values() for name in measures))
    blocks: list[Block] = []
    for group, chosen in measure_groups(names).items():
        if chosen:
            rows = [
                (region, *(measure_text(name, measures.get(name)) for name in chosen))
                for region, measures in regions.items()
            ]
            blocks.append(Table(("Region", *map(measure_title, chosen)), tuple(rows), _NOTES[group]))
    blocks += [*pictures.get("overlays", ()), *pictures.get("histogram", ())]
    return Section("Density", tuple(blocks))


def _patterns(record: Mapping[str, Any], pictures: Mapping[str, Sequence[Picture]]) -> Section | None:
    percent: Mapping[str, Mapping[str, Any]] = (record.get("patterns") or {}).get("percent") or {}
    if not percent:
        return None
    codes = list(dict.fromkeys(code for values in percent.values() for code in values))
    rows = [(region, *(number_text(values.get(code), 1) for code in codes)) for region, values in percent.items()]
    titles = tuple(f"{code} (%)" for code in codes)
    words = ", ".join(f"{code} {PATTERN_NAMES[code]}" for code in codes if code in PATTERN_NAMES)
    caption = f"Share of each local pattern in a region. {words}." if words else "Share of each local pattern."
    return Section("Local patterns", (Table(("Region", *titles), tuple(rows), caption), *pictures.get("patterns", ())))


def _record_text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False, sort_keys=False, default=str)
