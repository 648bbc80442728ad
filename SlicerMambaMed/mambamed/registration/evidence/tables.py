"""Measured tables inside pages that people write."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_between_markers"]


def write_between_markers(page: Path, text: str, begin: str, end: str) -> None:
    """Replace what lies between two markers of a page; a page that is not there yet gets nothing else.

    Args:
        page: Markdown file.
        text: what comes between the markers.
        begin: first marker, a line of its own.
        end: last marker.
    """
    whole = page.read_text(encoding="utf-8") if page.is_file() else f"{begin}\n{end}\n"
    before, _, rest = whole.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")
