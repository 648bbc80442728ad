"""The engine's table of volumes per label as a table node."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import vtk

__all__ = ["createTableNode", "readTable", "writeTable"]


def readTable(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the column names and the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    return (rows[0], rows[1:]) if rows else ([], [])


def createTableNode(scene: Any, name: str, path: Path) -> Any:
    """Add a vtkMRMLTableNode with the content of a CSV file; columns of numbers become columns of numbers."""
    header, rows = readTable(path)
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    for index, title in enumerate(header):
        values = [row[index] if index < len(row) else "" for row in rows]
        node.AddColumn(_column(title, values))
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node


def writeTable(node: Any, path: Path) -> None:
    """Write a vtkMRMLTableNode as a CSV file with the names of its columns."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        columns = range(node.GetNumberOfColumns())
        writer.writerow([node.GetColumnName(column) for column in columns])
        for row in range(node.GetNumberOfRows()):
            writer.writerow([node.GetCellText(row, column) for column in columns])


def _column(title: str, values: list[str]) -> Any:
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        column = vtk.vtkStringArray()
        for value in values:
            column.InsertNextValue(value)
    else:
        isWhole = all(number.is_integer() and "." not in value for number, value in zip(numbers, values, strict=True))
        column = vtk.vtkLongLongArray() if isWhole else vtk.vtkDoubleArray()
        for number in numbers:
            column.InsertNextValue(int(number) if isWhole else number)
    column.SetName(title)
    return column
