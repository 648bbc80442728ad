"""A small plot in a label: a curve that grows while a job runs, or the bars of a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import qt

__all__ = ["PlotView"]


class PlotView:
    """Draws into a QLabel, in the colours of its palette, at the label's width.

    Args:
        label: the QLabel.
        title: what the values are, with their unit.
        section: ctkCollapsibleButton that holds the label, if one does: in a closed one the label stays hidden.
        height: of the picture in pixels.
    """

    MARGIN_LEFT = 46
    MARGIN_RIGHT = 8
    MARGIN_TOP = 18
    MARGIN_BOTTOM = 18
    MINIMUM_WIDTH = 220
    CURVE = (0, 114, 178)
    MARK = (213, 94, 0)

    def __init__(self, label: Any, title: str, section: Any = None, height: int = 110) -> None:
        self._label = label
        self._section = section
        self._title = title
        self._height = height

    def clear(self) -> None:
        """Show nothing."""
        self._label.visible = False
        self._label.setPixmap(qt.QPixmap())

    def showCurve(self, steps: Sequence[float], values: Sequence[float]) -> None:
        """Draw values over their steps; one value alone is drawn as a point."""
        if not values:
            self.clear()
            return
        low, high = _widened(min(values), max(values))
        first, last = min(steps), max(max(steps), min(steps) + 1)
        pixmap, painter = self._begin(f"{first:g}", f"{last:g}", f"{low:.3g}", f"{high:.3g}", f"{values[-1]:.4g}")
        points = [
            (self._x(pixmap, (step - first) / (last - first)), self._y((value - low) / (high - low)))
            for step, value in zip(steps, values, strict=True)
        ]
        painter.setPen(_pen(self.CURVE, 2))
        for (x, y), (nextX, nextY) in pairwise(points):
            painter.drawLine(x, y, nextX, nextY)
        painter.fillRect(points[-1][0] - 2, points[-1][1] - 2, 5, 5, qt.QColor(*self.CURVE))
        self._end(pixmap, painter)

    def showBars(self, edges: Sequence[float], counts: Sequence[float], mark: float | None = None) -> None:
        """Draw a histogram in per cent of all counts; ``mark`` is a value at which a line is drawn."""
        if not counts or max(counts) <= 0 or len(edges) != len(counts) + 1:
            self.clear()
            return
        low, high = edges[0], edges[-1]
        pixmap, painter = self._begin(
            f"{low:.3g}", f"{high:.3g}", "0 %", f"{100 * max(counts) / sum(counts):.2g} %", ""
        )
        bottom = self._y(0.0)
        for (left, right), count in zip(pairwise(edges), counts, strict=True):
            x = self._x(pixmap, (left - low) / (high - low))
            width = max(1, self._x(pixmap, (right - low) / (high - low)) - x)
            top = self._y(count / max(counts))
            painter.fillRect(x, top, width, bottom - top, qt.QColor(*self.CURVE))
        if mark is not None and low <= mark <= high:
            x = self._x(pixmap, (mark - low) / (high - low))
            painter.setPen(_pen(self.MARK, 1))
            painter.drawLine(x, self.MARGIN_TOP, x, bottom)
        self._end(pixmap, painter)

    def _begin(self, left: str, right: str, low: str, high: str, latest: str) -> tuple[Any, Any]:
        """Return a picture with title and axes, and the painter that goes on drawing in it."""
        self._label.visible = self._section is None or not self._section.collapsed
        width = max(self.MINIMUM_WIDTH, int(self._label.width))
        pixmap = qt.QPixmap(width, self._height)
        palette = self._label.palette
        pixmap.fill(palette.color(qt.QPalette.Base))
        painter = qt.QPainter()
        painter.begin(pixmap)
        painter.setPen(palette.color(qt.QPalette.Text))
        bottom = self._height - self.MARGIN_BOTTOM
        painter.drawLine(self.MARGIN_LEFT, bottom, width - self.MARGIN_RIGHT, bottom)
        painter.drawLine(self.MARGIN_LEFT, self.MARGIN_TOP, self.MARGIN_LEFT, bottom)
        title = f"{self._title}: {latest}" if latest else self._title
        painter.drawText(self.MARGIN_LEFT, self.MARGIN_TOP - 5, title)
        painter.drawText(2, self.MARGIN_TOP + 8, high)
        painter.drawText(2, bottom, low)
        painter.drawText(self.MARGIN_LEFT, self._height - 4, left)
        metrics = painter.fontMetrics()
        textWidth = metrics.boundingRect(right).width()
        painter.drawText(width - self.MARGIN_RIGHT - textWidth - 2, self._height - 4, right)
        return pixmap, painter

    def _end(self, pixmap: Any, painter: Any) -> None:
        painter.end()  # an open painter would keep the picture from being shown
        self._label.setPixmap(pixmap)

    def _x(self, pixmap: Any, fraction: float) -> int:
        return self.MARGIN_LEFT + round(fraction * (pixmap.width() - self.MARGIN_LEFT - self.MARGIN_RIGHT))

    def _y(self, fraction: float) -> int:
        return (
            self._height - self.MARGIN_BOTTOM - round(fraction * (self._height - self.MARGIN_TOP - self.MARGIN_BOTTOM))
        )


def _pen(color: tuple[int, int, int], width: int) -> Any:
    pen = qt.QPen()
    pen.setColor(qt.QColor(*color))
    pen.setWidth(width)
    return pen


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return a range that is not empty."""
    if high > low:
        return low, high
    slack = abs(low) * 0.1 or 1.0
    return low - slack, high + slack
