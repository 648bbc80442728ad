"""Standard names of anatomy (SNOMED CT) in the notation that Slicer stores with a segment."""

from __future__ import annotations

from typing import Any

__all__ = ["terminologyEntry"]

_CATEGORY_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_REGION_CONTEXT = "Anatomic codes - DICOM master list"


def terminologyEntry(terminology: dict[str, Any] | None) -> str:
    """Return a model card's terminology of one label as the text for a segment's terminology tag.

    Args:
        terminology: ``category`` and ``type``, optionally ``type_modifier``, ``region``, ``region_modifier``; each a
            mapping with ``scheme``, ``code`` and ``meaning``.

    Returns:
        The seven fields of Slicer's notation, or an empty text when the card gives no category and type.
    """
    if not terminology or not terminology.get("category") or not terminology.get("type"):
        return ""
    fields = [
        _CATEGORY_CONTEXT,
        _code(terminology["category"]),
        _code(terminology["type"]),
        _code(terminology.get("type_modifier")),
        _REGION_CONTEXT,
        _code(terminology.get("region")),
        _code(terminology.get("region_modifier")),
    ]
    return "~".join(fields)


def _code(entry: dict[str, str] | None) -> str:
    """Return ``scheme^code^meaning``; ``^^`` stands for nothing."""
    if not entry:
        return "^^"
    return "^".join(
        str(entry.get(part, "")).replace("^", " ").replace("~", " ") for part in ("scheme", "code", "meaning")
    )
