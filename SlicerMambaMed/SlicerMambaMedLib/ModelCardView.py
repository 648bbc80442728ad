"""A model card for people: what the model is, learned from, measured at, and must not be used for."""

from __future__ import annotations

import html
from typing import Any

from slicer.i18n import tr as _

__all__ = ["cardAsHtml", "cardSummary"]


def cardSummary(entry: Any) -> str:
    """Return one or two sentences for the panel: labels, and that it is a demonstration if it is one."""
    names = ", ".join(entry.labelNames)
    text = _("Finds: {names}.").format(names=names) if names else ""
    if entry.card.demonstration_only:
        text += " " + _("Demonstration weights, not for clinical use.")
    return text.strip()


def cardAsHtml(entry: Any) -> str:
    """Return the whole card as HTML; every text of the card is escaped, since models come from anywhere."""
    card = entry.card
    rows = [
        (_("Version"), card.version),
        (_("Modality"), card.modality),
        (_("Inputs"), ", ".join(entry.channelNames)),
        (_("Labels"), ", ".join(entry.labelNames)),
        (_("Network"), card.network),
        (_("Spacing"), _spacing(card.spacing_mm)),
        (_("Training data"), card.training_data),
        (_("Licence"), card.licence),
        (_("Measured"), _metrics(card.metrics)),
        (_("Limits"), card.limits),
        (_("Intended use"), card.intended_use),
        (_("Folder"), str(entry.folder)),
    ]
    cells = "".join(
        f"<tr><td valign='top'><b>{html.escape(name)}</b></td><td>{_asHtml(value)}</td></tr>"
        for name, value in rows
        if value
    )
    notice = ""
    if card.demonstration_only:
        notice = f"<p><b>{html.escape(_('Demonstration weights. Not for clinical use.'))}</b></p>"
    return f"<h3>{html.escape(entry.title)}</h3>{notice}<table cellpadding='2'>{cells}</table>"


def _asHtml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "<br>".join(html.escape(str(item)) for item in value)
    return html.escape(str(value))


def _spacing(values: Any) -> str:
    return " x ".join(f"{float(value):g}" for value in values) + " mm" if values else ""


def _metrics(metrics: Any) -> list[str]:
    """Return one line per measured value, with where it was measured."""
    lines = []
    for metric in metrics:
        value = f"{metric.value:.3g}" + (f" {metric.unit}" if metric.unit else "")
        if metric.spread is not None:
            value += f" ± {metric.spread:.2g}"
        name = f"{metric.name} {metric.label}".strip() if metric.label else metric.name
        lines.append(f"{name}: {value} ({metric.measured_on})")
    return lines
