"""Warnings and severity for people: probabilities of the ordered grades with their spread, never one bare label."""

from __future__ import annotations

import html
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from slicer.i18n import tr as _

__all__ = ["severityAsHtml", "warningsAsHtml"]

_BAR = "#56b4e9"
_BAR_WIDTH = 160  # pixels of 100 %


def severityAsHtml(severity: Mapping[str, Any] | None) -> str:
    """Return the severity of a run record as HTML that a QTextBrowser shows; every text is escaped."""
    if not severity:
        return "<p>{text}</p>".format(text=html.escape(_("The severity was not computed.")))
    from mambamed.emphysema.report.measure_text import number_text
    from mambamed.emphysema.report.severity_section import severity_in_words

    parts = []
    if severity.get("demonstration"):
        text = _("Demonstration model, trained on synthetic scans: this is not a finding about the patient.")
        parts.append(_notice(text, "#00548b"))
    if severity.get("unlike_training"):
        text = _("This scan is unlike those that the model was trained on: {reason}.")
        reason = str(severity.get("unlike_training_reason") or "").rstrip(".")
        parts.append(_notice(text.format(reason=reason), "#a3004f"))
    rows = []
    for name, probability in zip(severity["classes"], severity["probabilities"], strict=True):
        width = max(1, round(_BAR_WIDTH * float(probability)))
        bar = (
            f"<table cellspacing='0' cellpadding='0'><tr><td width='{width}' bgcolor='{_BAR}'>&nbsp;</td></tr></table>"
        )
        percent = number_text(100 * float(probability), 1)
        rows.append(
            f"<tr><td>{html.escape(str(name))}</td><td width='{_BAR_WIDTH}'>{bar}</td>"
            f"<td align='right'>{percent} %</td></tr>"
        )
    parts.append(f"<table cellpadding='2'>{''.join(rows)}</table>")
    parts.append(f"<p>{html.escape(severity_in_words(severity))}.</p>")
    model = severity.get("model") or {}
    if model.get("id"):
        text = _("Model: {name} {version}").format(name=model["id"], version=model.get("version") or "")
        parts.append(f"<p>{html.escape(text.strip())}</p>")
    return "".join(parts)


def warningsAsHtml(warnings: Sequence[str]) -> str:
    """Return warnings as HTML, one line each, the weightiest first as they come."""
    lines = (_("Warning: {text}").format(text=text) for text in warnings)
    return "<br>".join(html.escape(line) for line in lines)


def _notice(text: str, color: str) -> str:
    return f"<p style='color:{color}'><b>{html.escape(text)}</b></p>"
