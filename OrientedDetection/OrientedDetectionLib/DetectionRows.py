"""Found objects as rows of texts for a table."""

from __future__ import annotations

from collections.abc import Sequence

from SlicerMambaMedLib.Text import tr as _

from OrientedDetectionLib.Detection import Detection
from OrientedDetectionLib.Detection import FoundItem

__all__ = ["detectionRows"]


def detectionRows(detection: Detection, items: Sequence[FoundItem]) -> tuple[list[str], list[list[str]]]:
    """Return the header and a row per object; lengths in mm, or in pixels where the pixel size is not known."""
    unit = _("mm") if detection.isSpacingKnown else _("px")
    header = [_("Label"), _("Score"), _("Length ({unit})"), _("Width ({unit})")]
    withSlices = any(item.slices is not None for item in items)
    if detection.isLinked:
        header.append(_("Depth ({unit})"))
    header.append(_("Angle (°)"))
    if withSlices:
        header.append(_("Slices") if detection.isLinked else _("Slice"))
    rows = []
    for item in items:
        sizes = item.sizeMm if detection.isLinked else item.sizeMm[:2]
        row = [f"{item.label} {item.number}", f"{item.score:.2f}", *(f"{size:.1f}" for size in sizes)]
        row.append(f"{item.angleDeg:.0f}")
        if withSlices:
            first, last = item.slices or (0, 0)
            row.append(str(first) if first == last else f"{first} - {last}")
        rows.append(row)
    return [title.format(unit=unit) for title in header], rows
