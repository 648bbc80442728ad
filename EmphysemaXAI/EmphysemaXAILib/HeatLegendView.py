"""The legend of the heat map that is shown: its colours, its values, and what the threshold hides."""

from __future__ import annotations

from typing import Any

import qt

__all__ = ["HeatLegendView"]


class HeatLegendView:
    """Draws into a QLabel.

    Args:
        label: the QLabel.
    """

    WIDTH = 340
    BAR_HEIGHT = 12
    HEIGHT = 30

    def __init__(self, label: Any) -> None:
        self._label = label

    def clear(self) -> None:
        """Show nothing."""
        self._label.visible = False

    def show(self, node: Any, maximum: float, threshold: float) -> None:
        """Show the colours of a heat map from 0 to its brightest colour; hidden ones are grey.

        Args:
            node: the volume node.
            maximum: value of the brightest colour.
            threshold: share of ``maximum`` below which the map is transparent.
        """
        palette = self._label.palette
        pixmap = qt.QPixmap(self.WIDTH, self.HEIGHT)
        pixmap.fill(palette.color(qt.QPalette.Window))
        painter = qt.QPainter()
        painter.begin(pixmap)
        colors = node.GetDisplayNode().GetColorNode().GetColorTransferFunction()
        for x in range(self.WIDTH):
            share = x / (self.WIDTH - 1)
            color = qt.QColor.fromRgbF(*colors.GetColor(share)) if share >= threshold else qt.QColor(160, 160, 160)
            painter.fillRect(x, 0, 1, self.BAR_HEIGHT, color)
        painter.setPen(palette.color(qt.QPalette.WindowText))
        mark = f"{threshold * maximum:.2g}"
        metrics = painter.fontMetrics()
        for text, share in (("0", 0.0), (mark, threshold), (f"{maximum:.2g}", 1.0)):
            width = metrics.boundingRect(text).width() + 4
            place = min(max(round(share * self.WIDTH - width / 2), 0), self.WIDTH - width)
            painter.drawText(place, self.HEIGHT - 5, text)
        painter.end()
        self._label.setPixmap(pixmap)
        self._label.visible = True
