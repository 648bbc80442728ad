"""Standard names of anatomy (SNOMED CT) in the notation that Slicer stores with a segment."""

from __future__ import annotations

from typing import Any

__all__ = ["terminologyEntry", "terminologyOfEntry"]

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


def terminologyOfEntry(segment: Any) -> dict[str, dict[str, str]]:
    """Return the terminology of a segment as a model card has it; empty if the segment has none."""
    import vtk

    text = vtk.reference("")
    if not segment.GetTag(segment.GetTerminologyEntryTagName(), text):
        return {}
    fields = str(text).split("~")
    if len(fields) != 7:
        return {}
    names = {"category": 1, "type": 2, "type_modifier": 3, "region": 5, "region_modifier": 6}
    found = {}
    for name, place in names.items():
        parts = fields[place].split("^")
        if len(parts) == 3 and parts[1]:
            found[name] = {"scheme": parts[0], "code": parts[1], "meaning": parts[2]}
    return found if "category" in found and "type" in found else {}


def _code(entry: dict[str, str] | None) -> str:
    """Return ``scheme^code^meaning``; ``^^`` stands for nothing."""
    if not entry:
        return "^^"
    return "^".join(
        str(entry.get(part, "")).replace("^", " ").replace("~", " ") for part in ("scheme", "code", "meaning")
    )
