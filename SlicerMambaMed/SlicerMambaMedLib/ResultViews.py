"""Ways from a result in a panel to the views of the application."""

from __future__ import annotations

from typing import Any

import slicer

__all__ = ["jumpTo", "showTable"]


def showTable(table: Any | None) -> None:
    """Show a table node in a table view, in a layout that has one; nothing without a main window."""
    layoutManager = slicer.app.layoutManager()
    if layoutManager is None or table is None:
        return
    layoutManager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    slicer.app.applicationLogic().GetSelectionNode().SetActiveTableID(table.GetID())
    slicer.app.applicationLogic().PropagateTableSelection()


def jumpTo(scene: Any, position: Any | None) -> None:
    """Let all slice views show a position (RAS mm); nothing where there is none."""
    if position is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *position)
