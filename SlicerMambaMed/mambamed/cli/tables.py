"""Tables for a terminal."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["format_table", "read_volumes"]


def format_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as aligned columns; columns whose values are all numbers are set to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(header), *cells]) for column in range(len(header))]
    is_number = [
        bool(rows) and all(isinstance(row[column], int | float) for row in rows) for column in range(len(header))
    ]
    lines = []
    for row in [list(header), ["-" * width for width in widths], *cells]:
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def read_volumes(path: Path) -> list[dict[str, Any]]:
    """Read the table of volumes that a segmentation job writes: ``value``, ``name``, ``voxels``, then its measure."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    for row in rows:
        for name in row:
            if name in ("value", "voxels"):
                row[name] = int(row[name])
            elif name in ("volume_ml", "area_mm2"):
                row[name] = float(row[name])
    return rows
