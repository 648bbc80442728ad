"""Fills the small tables of the panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

__all__ = ["fillTable", "fitHeight"]

ROW_HEIGHT = 21
SHOWN_ROWS = 9


def fillTable(
    table: Any,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    toolTips: Sequence[str] = (),
    bold: Any = (),
    colors: Sequence[Any] = (),
) -> None:
    """Show texts in a QTableWidget; numbers (all but the first column) end at the right.

    Args:
        table: the QTableWidget.
        header: titles of the columns.
        rows: texts.
        toolTips: one per row, or none.
        bold: rows that are written in bold.
        colors: red, green, blue (0 to 1) of the square before each row, or None for a row without; empty for none.
    """
    table.setColumnCount(len(header))
    table.setRowCount(len(rows))
    table.setHorizontalHeaderLabels(list(header))
    for rowIndex, texts in enumerate(rows):
        for columnIndex, text in enumerate(texts):
            item = qt.QTableWidgetItem(text)
            if columnIndex > 0:
                item.setTextAlignment(int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
            elif colors and colors[rowIndex] is not None:
                pixmap = qt.QPixmap(12, 12)
                pixmap.fill(qt.QColor.fromRgbF(*colors[rowIndex]))
                item.setIcon(qt.QIcon(pixmap))
            if toolTips:
                item.setToolTip(toolTips[rowIndex])
            if rowIndex in bold:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            table.setItem(rowIndex, columnIndex, item)
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)


def fitHeight(table: Any, least: int = 1, most: int = SHOWN_ROWS, slack: int = 4) -> None:
    """Let a QTableWidget be as high as its rows, within limits.

    Args:
        table: the QTableWidget.
        least: rows that there is room for at least.
        most: rows that there is room for at most.
        slack: pixels besides.
    """
    shown = min(max(table.rowCount, least), most)
    table.minimumHeight = table.horizontalHeader().height + ROW_HEIGHT * shown + slack
