"""Pages of a PDF that fill from top to bottom: text that wraps, tables that go on on the next page, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

__all__ = ["MARGIN_PT", "PAGE_SIZE_PT", "Pages"]

PAGE_SIZE_PT = (595.3, 841.9)  # A4
MARGIN_PT = 42.0
_LINE = 1.32  # distance of lines as a multiple of the size of the letters
_CELL_PADDING_PT = 3.0
_RULE = "#bbbbbb"
_HEADER = "#ececec"


class Pages:
    """Writes blocks one below the other and begins a new page when one is full.

    Positions are in points (1/72 inch) from the top left corner of the page.

    Args:
        pdf: open file.
        footer: text at the bottom of each page, before its number.
    """

    def __init__(self, pdf: PdfPages, footer: str) -> None:
        self._pdf = pdf
        self._footer = footer
        self._number = 0
        self._figure: Figure | None = None
        self._y = 0.0

    @property
    def width_pt(self) -> float:
        """Width between the margins."""
        return PAGE_SIZE_PT[0] - 2 * MARGIN_PT

    def finish(self) -> None:
        """Write the last page."""
        if self._figure is not None:
            self._write_page()

    def space(self, height_pt: float) -> None:
        """Leave a gap, unless the page begins here."""
        if self._figure is not None and self._y > MARGIN_PT:
            self._y += height_pt

    def heading(self, text: str, size_pt: float, keep_with_pt: float = 60.0) -> None:
        """Write a heading that does not stand alone at the foot of a page."""
        self._need(size_pt * _LINE + keep_with_pt)
        self.paragraph(text, size_pt=size_pt, bold=True)

    def paragraph(
        self,
        text: str,
        size_pt: float = 9.0,
        bold: bool = False,
        colour: str = "black",
        monospace: bool = False,
        bar: str | None = None,
        background: str | None = None,
    ) -> None:
        """Write wrapped text; with ``bar`` and ``background`` as a box that is seen."""
        indent = 10.0 if bar else 0.0
        height = size_pt * _LINE
        for line in wrapped(text, self.width_pt - 2 * indent, size_pt, bold, monospace):
            self._need(height)
            if background:
                self._box(MARGIN_PT, self.width_pt, height, background)
            if bar:
                self._box(MARGIN_PT, 4.0, height, bar)
            self._text(line, MARGIN_PT + indent, size_pt, bold, colour, monospace)
            self._y += height

    def picture(self, pixels: np.ndarray, maximum_height_pt: float = 330.0) -> None:
        """Place a picture over the width of the page, or narrower when it would become too high."""
        rows, columns = pixels.shape[:2]
        scale = min(self.width_pt / columns, maximum_height_pt / rows, 1.0)
        width, height = columns * scale, rows * scale
        self._need(height)
        assert self._figure is not None
        left, bottom = MARGIN_PT / PAGE_SIZE_PT[0], 1 - (self._y + height) / PAGE_SIZE_PT[1]
        axes = self._figure.add_axes((left, bottom, width / PAGE_SIZE_PT[0], height / PAGE_SIZE_PT[1]))
        axes.imshow(pixels, interpolation="antialiased", aspect="auto")
        axes.set_axis_off()
        self._y += height + 3

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        size_pt: float = 7.5,
        left_columns: Sequence[int] = (0,),
        bold_cells: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Write a table; its head is repeated on each page.

        Args:
            columns: titles; without any, no head is written.
            rows: texts.
            size_pt: size of the letters.
            left_columns: columns whose text begins at the left; the others end at the right.
            bold_cells: (row, column) of what is written in bold.
        """
        widths = column_widths([*([columns] if columns else []), *rows], self.width_pt, size_pt)
        head = [
            wrapped(text, width - 2 * _CELL_PADDING_PT, size_pt, True)
            for text, width in zip(columns, widths, strict=bool(columns))
        ]
        body = [
            [
                wrapped(text, width - 2 * _CELL_PADDING_PT, size_pt, (row, column) in bold_cells)
                for column, (text, width) in enumerate(zip(cells, widths, strict=True))
            ]
            for row, cells in enumerate(rows)
        ]
        place = _TablePlace(widths, size_pt, tuple(left_columns))
        if head:
            self._need(self._row_height(head, size_pt) * 3)
            self._row(head, place, tuple(range(len(head))), _HEADER)
        for index, cells in enumerate(body):
            if self._is_full(self._row_height(cells, size_pt)) and head:
                self._write_page()
                self._row(head, place, tuple(range(len(head))), _HEADER)
            bold = tuple(column for row, column in bold_cells if row == index)
            self._row(cells, place, bold, None)

    # --- one page ---
    def _row(
        self, cells: Sequence[Sequence[str]], place: _TablePlace, bold: Sequence[int], background: str | None
    ) -> None:
        height = self._row_height(cells, place.size_pt)
        self._need(height)
        if background:
            self._box(MARGIN_PT, sum(place.widths_pt), height, background)
        left, top = MARGIN_PT, self._y
        for column, (lines, width) in enumerate(zip(cells, place.widths_pt, strict=True)):
            is_left = column in place.left_columns
            x = left + _CELL_PADDING_PT if is_left else left + width - _CELL_PADDING_PT
            self._y = top + 2
            for line in lines:
                self._text(line, x, place.size_pt, column in bold, "black", False, "left" if is_left else "right")
                self._y += place.size_pt * _LINE
            left += width
        self._y = top + height
        self._rule(MARGIN_PT, left)

    @staticmethod
    def _row_height(cells: Sequence[Sequence[str]], size_pt: float) -> float:
        return max((len(lines) for lines in cells), default=1) * size_pt * _LINE + 4

    def _is_full(self, height_pt: float) -> bool:
        return self._figure is None or self._y + height_pt > PAGE_SIZE_PT[1] - MARGIN_PT - 14

    def _need(self, height_pt: float) -> None:
        """Begin a new page when this height does not fit on the present one."""
        if self._figure is None:
            self._begin_page()
        elif self._is_full(height_pt) and self._y > MARGIN_PT:
            self._write_page()

    def _begin_page(self) -> None:
        self._figure = Figure(figsize=(PAGE_SIZE_PT[0] / 72, PAGE_SIZE_PT[1] / 72))
        FigureCanvasAgg(self._figure)
        self._number += 1
        self._y = MARGIN_PT

    def _write_page(self) -> None:
        assert self._figure is not None
        y = PAGE_SIZE_PT[1] - MARGIN_PT + 8
        self._figure.text(
            MARGIN_PT / PAGE_SIZE_PT[0], 1 - y / PAGE_SIZE_PT[1], self._footer, fontsize=7, color="#555555"
        )
        self._figure.text(
            1 - MARGIN_PT / PAGE_SIZE_PT[0],
            1 - y / PAGE_SIZE_PT[1],
            str(self._number),
            fontsize=7,
            color="#555555",
            ha="right",
        )
        self._pdf.savefig(self._figure)
        self._begin_page()

    def _text(
        self, line: str, x_pt: float, size_pt: float, bold: bool, colour: str, monospace: bool, side: str = "left"
    ) -> None:
        assert self._figure is not None
        self._figure.text(
            x_pt / PAGE_SIZE_PT[0],
            1 - (self._y + size_pt) / PAGE_SIZE_PT[1],
            line,
            fontsize=size_pt,
            fontweight="bold" if bold else "normal",
            family="monospace" if monospace else "sans-serif",
            color=colour,
            ha=side,
            va="baseline",
            parse_math=False,
        )

    def _box(self, x_pt: float, width_pt: float, height_pt: float, colour: str) -> None:
        assert self._figure is not None
        corner = (x_pt / PAGE_SIZE_PT[0], 1 - (self._y + height_pt) / PAGE_SIZE_PT[1])
        size = (width_pt / PAGE_SIZE_PT[0], height_pt / PAGE_SIZE_PT[1])
        self._figure.add_artist(Rectangle(corner, *size, facecolor=colour, edgecolor="none"))

    def _rule(self, left_pt: float, right_pt: float) -> None:
        assert self._figure is not None
        y = 1 - self._y / PAGE_SIZE_PT[1]
        ends = [left_pt / PAGE_SIZE_PT[0], right_pt / PAGE_SIZE_PT[0]]
        self._figure.add_artist(Line2D(ends, [y, y], color=_RULE, linewidth=0.5))


class _TablePlace:
    """What all rows of a table share."""

    def __init__(self, widths_pt: Sequence[float], size_pt: float, left_columns: tuple[int, ...]) -> None:
        self.widths_pt = widths_pt
        self.size_pt = size_pt
        self.left_columns = left_columns


def column_widths(rows: Sequence[Sequence[str]], total_pt: float, size_pt: float) -> list[float]:
    """Return widths that fit the longest text of each column; where that is too much, long texts wrap at spaces."""
    padding = 2 * _CELL_PADDING_PT + 1
    count = max(len(row) for row in rows)
    columns = [[row[column] for row in rows if column < len(row)] for column in range(count)]
    wanted = [max(text_width(text, size_pt, True) for text in texts) + padding for texts in columns]
    if sum(wanted) <= total_pt:
        return wanted
    words = [[word for text in texts for word in text.split()] or [""] for texts in columns]
    needed = [max(text_width(word, size_pt, True) for word in found) + padding for found in words]
    if sum(needed) >= total_pt:  # not even the longest words fit: they are broken
        return [width * total_pt / sum(needed) for width in needed]
    free = (total_pt - sum(needed)) / (sum(wanted) - sum(needed))
    return [least + free * (most - least) for least, most in zip(needed, wanted, strict=True)]


def wrapped(text: str, width_pt: float, size_pt: float, bold: bool = False, monospace: bool = False) -> list[str]:
    """Return the lines of a text that is broken at spaces, and within words only where one is wider than a line."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        words = paragraph.lstrip(" ")
        current = " " * (len(paragraph) - len(words))  # what is indented stays so
        for word in words.split(" "):
            candidate = f"{current} {word}" if current.strip() else current + word
            if text_width(candidate, size_pt, bold, monospace) <= width_pt:
                current = candidate
                continue
            if current.strip():
                lines.append(current)
            *full, current = _pieces(word, width_pt, size_pt, bold, monospace)
            lines.extend(full)
        lines.append(current)
    return lines


def _pieces(word: str, width_pt: float, size_pt: float, bold: bool, monospace: bool) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width(pieces[-1] + letter, size_pt, bold, monospace) > width_pt:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def text_width(text: str, size_pt: float, bold: bool = False, monospace: bool = False) -> float:
    """Return the width of a line of text in points."""
    return sum(_letter_width(letter, bold, monospace) for letter in text) * size_pt


@lru_cache(maxsize=4096)
def _letter_width(letter: str, bold: bool, monospace: bool) -> float:
    """Width of one letter as a multiple of the size of the letters."""
    font = FontProperties(
        family="monospace" if monospace else "sans-serif", weight="bold" if bold else "normal", size=100
    )
    width, _, _ = TextToPath().get_text_width_height_descent(f"|{letter}|", font, ismath=False)
    frame, _, _ = TextToPath().get_text_width_height_descent("||", font, ismath=False)
    return float(width - frame) / 100.0
