"""The report as HTML and PDF."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from engine.emphysema.report.sample_record import sample_record
from mambamed.emphysema.report.charts import deletion_chart
from mambamed.emphysema.report.charts import histogram_chart
from mambamed.emphysema.report.charts import pattern_chart
from mambamed.emphysema.report.charts import percent_per_hu
from mambamed.emphysema.report.charts import severity_chart
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.html import render_html
from mambamed.emphysema.report.pdf import render_pdf
from mambamed.emphysema.report.pdf_pages import column_widths
from mambamed.emphysema.report.pdf_pages import text_width
from mambamed.emphysema.report.pdf_pages import wrapped
from mambamed.emphysema.report.sections import build_document
from mambamed.emphysema.report.write import draw_charts
from mambamed.emphysema.report.write import joined

PNG = b"\x89PNG\r\n\x1a\n"


class _Reader(HTMLParser):
    """Collects what a browser would fetch or run, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def document():
    record = sample_record()
    edges = [-1000.0, -950.0, -900.0, -800.0]
    percent = {"whole lung": percent_per_hu(edges, [10, 60, 30]), "left lung": percent_per_hu(edges, [0, 0, 0])}
    pictures = {
        "histogram": [histogram_chart([-975.0, -925.0, -850.0], percent)],
        "patterns": [pattern_chart(record["patterns"]["percent"])],
        "severity": [severity_chart(record["severity"])],
    }
    return build_document(record, pictures=pictures, cards=[record["severity"]["model"]["card"]])


@pytest.fixture(scope="module")
def page(document):
    reader = _Reader()
    html = render_html(document)
    reader.feed(html)
    return html, reader


def test_the_html_needs_nothing_else_and_runs_nothing(page):
    html, reader = page
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert reader.addresses
    assert all(address.startswith("data:image/png;base64,") for address in reader.addresses)
    assert "http" not in re.sub(r"http-equiv", "", html)


def test_texts_from_outside_are_escaped(page):
    _html, reader = page
    assert "b" not in reader.tags
    assert "thick <b>." in reader.text
    assert "case <7> & co.nii.gz" in reader.text


def test_the_html_says_what_failed(page):
    html, _reader = page
    assert 'class="verdict FAILED">FAILED</td>' in html
    assert 'class="notice demonstration"' in html


def test_the_same_record_gives_the_same_files(document, tmp_path):
    made = sample_record()["finished"]
    first = render_pdf(document, tmp_path / "a.pdf", made).read_bytes()
    second = render_pdf(document, tmp_path / "b.pdf", made).read_bytes()
    assert first == second
    assert render_html(document) == render_html(document)
    assert first.startswith(b"%PDF-")
    assert first.rstrip().endswith(b"%%EOF")
    pages = first.count(b"/Type /Page\n") + first.count(b"/Type /Page ")
    assert pages >= 4
    assert b"20250615" in first


def test_charts_are_pictures_with_captions(document):
    pictures = [block for section in document.sections for block in section.blocks if isinstance(block, Picture)]
    assert len(pictures) == 3
    assert all(picture.png.startswith(PNG) and picture.caption for picture in pictures)


def test_the_deletion_curve_is_drawn_where_it_was_measured():
    record = sample_record()
    assert deletion_chart(record["explanations"]) is None
    curve = {"share": [0.0, 0.1, 0.5], "map": [1.0, 0.4, 0.1], "random": [1.0, 0.9, 0.5]}
    check = {"name": "deletion", "value": 0.45, "limit": 0.05, "passed": True, "meaning": "falls", "curve": curve}
    record["explanations"]["grad-cam"]["checks"].append(check)
    (picture,) = draw_charts(record, (), {})["explanations"]
    assert picture.png.startswith(PNG)
    assert "random order" in picture.caption
    curve["map"] = [1.0, 0.9, 0.5]
    assert deletion_chart(record["explanations"]).png != picture.png


def test_joined_pictures_keep_those_of_both():
    one, two, three = (Picture(PNG, name) for name in ("overlay", "chart", "severity"))
    both = joined({"patterns": [one]}, {"patterns": [two], "severity": [three]})
    assert both == {"patterns": [one, two], "severity": [three]}


def test_the_share_per_hu_sums_to_the_whole():
    percent = percent_per_hu([-1000.0, -990.0, -950.0], [25, 75])
    assert percent == pytest.approx([2.5, 1.875])
    assert percent[0] * 10 + percent[1] * 40 == pytest.approx(100.0)
    assert percent_per_hu([0.0, 1.0], [0]) == [0.0]


def test_text_wraps_at_spaces_and_only_long_words_are_broken():
    lines = wrapped("low attenuation areas of the left lung", 60.0, 9.0)
    assert " ".join(lines) == "low attenuation areas of the left lung"
    assert len(lines) > 1
    assert all(text_width(line, 9.0) <= 60.0 for line in lines)
    pieces = wrapped("0123456789" * 6, 60.0, 9.0)
    assert "".join(pieces) == "0123456789" * 6
    assert all(text_width(piece, 9.0) <= 60.0 for piece in pieces)
    assert wrapped("one\n\ntwo", 100.0, 9.0) == ["one", "", "two"]
    assert wrapped('{\n  "a": 1\n}', 100.0, 6.0, monospace=True) == ["{", '  "a": 1', "}"]


def test_columns_fit_the_page():
    rows = [("Region", "Value"), ("whole lung", "1.0")]
    assert sum(column_widths(rows, 500.0, 8.0)) < 200
    wide = [("name", "a very long explanation " * 10), ("x", "y")]
    widths = column_widths(wide, 300.0, 8.0)
    assert sum(widths) == pytest.approx(300.0)
    assert widths[0] == pytest.approx(text_width("name", 8.0, True) + 7.0)
