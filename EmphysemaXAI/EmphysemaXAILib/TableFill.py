"""Fills the small tables of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

__all__ = ["fillTable"]

ROW_HEIGHT = 21
SHOWN_ROWS = 9


def fillTable(
    table: Any, header: Sequence[str], rows: Sequence[Sequence[str]], toolTips: Sequence[str] = (), bold: Any = ()
) -> None:
    """Show texts in a QTableWidget; numbers (all but the first column) end at the right.

    Args:
        table: the QTableWidget.
        header: titles of the columns.
        rows: texts.
        toolTips: one per row, or none.
        bold: rows that are written in bold.
    """
    table.setColumnCount(len(header))
    table.setRowCount(len(rows))
    table.setHorizontalHeaderLabels(list(header))
    for rowIndex, texts in enumerate(rows):
        for columnIndex, text in enumerate(texts):
            item = qt.QTableWidgetItem(text)
            if columnIndex > 0:
                item.setTextAlignment(int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
            if toolTips:
                item.setToolTip(toolTips[rowIndex])
            if rowIndex in bold:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            table.setItem(rowIndex, columnIndex, item)
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    table.resizeColumnsToContents()
    shown = min(max(len(rows), 3), SHOWN_ROWS)
    table.minimumHeight = table.horizontalHeader().height + ROW_HEIGHT * shown + 20
