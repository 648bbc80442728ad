"""One volume selector per further channel of a model with several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from SlicerMambaMedLib.Signal import Signal

__all__ = ["ChannelSelectors"]


class ChannelSelectors:
    """Rows for the second and further channels; the choice is kept as node references of the parameter node.

    Args:
        frame: widget with a QFormLayout, shown when there is a row.
    """

    ROLE = "inputChannel"

    def __init__(self, frame: Any) -> None:
        self.changed = Signal()
        self._frame = frame
        self._rows: list[tuple[Any, Any]] = []
        self._parameterNode: Any = None
        self._names: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[Any, ...]:
        """The chosen volumes of the second and further channels."""
        return tuple(selector.currentNode() for _label, selector in self._rows)

    def setParameterNode(self, node: Any) -> None:
        """Show and keep the choices in this vtkMRMLScriptedModuleNode; None stops that."""
        self._parameterNode = node
        self._readChoices()

    def setNodes(self, nodes: Sequence[Any]) -> None:
        """Choose the volumes of the second and further channels."""
        for (_label, selector), node in zip(self._rows, nodes, strict=False):
            selector.setCurrentNode(node)

    def setChannels(self, names: Sequence[str]) -> None:
        """Show one row for each of these names (without the first channel)."""
        if tuple(names) == self._names:
            return
        self._names = tuple(names)
        for label, selector in self._rows:
            for widget in (label, selector):
                self._frame.layout().removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        self._rows = [self._addRow(index, name) for index, name in enumerate(names)]
        self._frame.visible = bool(self._rows)
        self._readChoices()

    def _addRow(self, index: int, name: str) -> tuple[Any, Any]:
        selector = slicer.qMRMLNodeComboBox()
        selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        selector.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
        selector.addEnabled = False
        selector.removeEnabled = False
        selector.noneEnabled = True
        selector.toolTip = _("Volume for the channel {name} of the model").format(name=name)
        selector.accessibleName = _("Input volume {name}").format(name=name)
        selector.setMRMLScene(slicer.mrmlScene)
        selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node, row=index: self._onChanged(row, node))
        label = qt.QLabel(name + ":")
        label.setBuddy(selector)
        self._frame.layout().addRow(label, selector)
        return label, selector

    def _readChoices(self) -> None:
        if self._parameterNode is None:
            return
        for index, (_label, selector) in enumerate(self._rows):
            wasBlocked = selector.blockSignals(True)
            selector.setCurrentNode(self._parameterNode.GetNodeReference(f"{self.ROLE}{index}"))
            selector.blockSignals(wasBlocked)

    def _onChanged(self, row: int, node: Any) -> None:
        if self._parameterNode is not None:
            self._parameterNode.SetNodeReferenceID(f"{self.ROLE}{row}", node.GetID() if node is not None else None)
        self.changed.emit()
