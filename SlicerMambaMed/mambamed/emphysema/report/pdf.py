"""A report as a PDF file, drawn with matplotlib."""

from __future__ import annotations

import io
from datetime import datetime
from datetime import timezone
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.image import imread

from mambamed.emphysema.report.document import Block
from mambamed.emphysema.report.document import Checks
from mambamed.emphysema.report.document import Code
from mambamed.emphysema.report.document import Document
from mambamed.emphysema.report.document import Facts
from mambamed.emphysema.report.document import Notice
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.document import Table
from mambamed.emphysema.report.pdf_pages import Pages

__all__ = ["render_pdf"]

# bar and background of a notice, as in the HTML
_NOTICES = {
    "warning": ("#b35900", "#fff3e0"),
    "failed": ("#a3004f", "#fde7f0"),
    "demonstration": ("#00548b", "#e6f1fa"),
    "note": ("#777777", "#f3f3f3"),
}


def render_pdf(document: Document, path: Path, made: float = 0.0) -> Path:
    """Write the report as PDF.

    Args:
        document: the report.
        path: file to write.
        made: time of the result, seconds since 1970, for the file's own date; the same report so gives the same file.

    Returns:
        ``path``.
    """
    when = datetime.fromtimestamp(made, tz=timezone.utc)
    about = {"Title": document.title, "Creator": "MambaMed", "Producer": None, "CreationDate": when, "ModDate": when}
    # Type 42 embeds the font as it is, so that text can be searched and copied.
    with matplotlib.rc_context({"pdf.fonttype": 42}), PdfPages(path, metadata=about) as pdf:
        pages = Pages(pdf, document.footer)
        pages.heading(document.title, 16)
        pages.paragraph(document.subtitle, colour="#555555")
        for section in document.sections:
            pages.space(12)
            pages.heading(section.title, 11.5)
            pages.space(3)
            for block in section.blocks:
                _write(block, pages)
                pages.space(5)
        pages.finish()
    return path


def _write(block: Block, pages: Pages) -> None:
    if isinstance(block, Notice):
        bar, background = _NOTICES[block.kind]
        pages.paragraph(block.text, bar=bar, background=background)
    elif isinstance(block, Facts):
        pages.table((), block.rows, size_pt=8.5, left_columns=(0, 1))
    elif isinstance(block, Table):
        if block.caption:
            pages.paragraph(block.caption, size_pt=8, colour="#555555")
        pages.table(block.columns, block.rows, size_pt=7.5 if len(block.columns) <= 9 else 6.2)
    elif isinstance(block, Checks):
        rows = [(row.name, row.measured, row.expected, row.verdict, row.explanation) for row in block.rows]
        bold = [(index, 3) for index, row in enumerate(block.rows) if row.passed is False]
        titles = ("Check", "Found", "Expected", "Outcome", "Meaning")
        pages.table(titles, rows, left_columns=range(5), bold_cells=bold)
    elif isinstance(block, Picture):
        pages.picture(np.asarray(imread(io.BytesIO(block.png), format="png")))
        pages.paragraph(block.caption, size_pt=8, colour="#555555")
    elif isinstance(block, Code):
        if block.title:
            pages.paragraph(block.title, size_pt=8.5, bold=True)
        pages.paragraph(block.text, size_pt=6.0, monospace=True)
