"""A report as one HTML file that needs nothing else: pictures and style are inside, no script, no address."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment
from jinja2 import StrictUndefined

from mambamed.emphysema.report.document import Document

__all__ = ["render_html"]

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def render_html(document: Document) -> str:
    """Return the report as HTML.

    Every text is escaped: names of files, cards and records come from anywhere.
    """
    # The autoescaping is what keeps a text of a model card or a file name from becoming a part of the page.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["data_address"] = _data_address
    environment.filters["kind"] = lambda block: type(block).__name__
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(document=document)


def _data_address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
