"""The report of an emphysema analysis: one HTML file and one PDF, from the run record.

The names below are loaded at first use: importing this package needs the standard library only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.emphysema.report.document import Document
    from mambamed.emphysema.report.html import render_html
    from mambamed.emphysema.report.pdf import render_pdf
    from mambamed.emphysema.report.sections import build_document
    from mambamed.emphysema.report.settings import ReportSettings
    from mambamed.emphysema.report.write import write_report

__all__ = ["Document", "ReportSettings", "build_document", "render_html", "render_pdf", "write_report"]

_HOMES = {
    "Document": "document",
    "ReportSettings": "settings",
    "build_document": "sections",
    "render_html": "html",
    "render_pdf": "pdf",
    "write_report": "write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
