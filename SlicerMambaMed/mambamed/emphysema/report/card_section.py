"""A model card as a section of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mambamed.emphysema.report.document import Block
from mambamed.emphysema.report.document import Facts
from mambamed.emphysema.report.document import Notice
from mambamed.emphysema.report.document import Section
from mambamed.emphysema.report.document import Table

__all__ = ["card_section"]

_FIELDS = {
    "id": "Identifier",
    "version": "Version",
    "task": "Task",
    "modality": "Modality",
    "network": "Network",
    "training_data": "Training data",
    "licence": "Licence",
    "intended_use": "Intended use",
}


def card_section(card: Mapping[str, Any]) -> Section:
    """Return the card of a model (the content of ``model-card.json``)."""
    blocks: list[Block] = []
    if card.get("demonstration_only"):
        blocks.append(Notice("Demonstration weights. Not for clinical use.", "demonstration"))
    rows = [(title, str(card[name])) for name, title in _FIELDS.items() if card.get(name)]
    limits = card.get("limits") or ()
    rows += [("Limits" if index == 0 else "", str(text)) for index, text in enumerate(limits)]
    blocks.append(Facts(tuple(rows)))
    metrics = card.get("metrics") or ()
    if metrics:
        blocks.append(Table(("Measure", "Value", "Measured on", "How"), tuple(map(_metric, metrics)), "Measured"))
    return Section(f"Model: {card.get('title') or card.get('id')}", tuple(blocks))


def _metric(metric: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name = " ".join(str(metric[key]) for key in ("name", "label") if metric.get(key))
    value = f"{float(metric['value']):.3g}"
    if metric.get("spread") is not None:
        value += f" ± {float(metric['spread']):.2g}"
    if metric.get("unit"):
        value += f" {metric['unit']}"
    cases = f" ({metric['cases']} cases)" if metric.get("cases") else ""
    return name, value, str(metric.get("measured_on", "")) + cases, str(metric.get("how", ""))
