"""Widgets that hold others and fold away: ctkCollapsibleButton, ctkCollapsibleGroupBox, ctkExpandButton."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore
from PySide6 import QtWidgets

from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["CollapsibleButton", "CollapsibleGroupBox"]

_Widget = QtWidgets.QWidget
_Button = QtWidgets.QAbstractButton


class _Folding(Behaviour):
    """Hides the children while collapsed, and remembers which were hidden before."""

    def _h_fold(self, collapsed: bool) -> None:
        self._h_values["collapsed"] = collapsed
        hidden_by_fold = self._h_state.setdefault("hidden by fold", [])
        if collapsed:
            for child in QtCore.QObject.children(self):
                if isinstance(child, QtWidgets.QWidget) and not _Widget.isHidden(child):
                    hidden_by_fold.append(child)
                    _Widget.setVisible(child, False)
        else:
            for child in hidden_by_fold:
                _Widget.setVisible(child, True)
            hidden_by_fold.clear()
        _Widget.updateGeometry(self)
        _Widget.update(self)

    def _h_fold_again(self) -> None:
        """Widgets that came in while collapsed are hidden too."""
        if self._h_values.get("collapsed"):
            self._h_fold(True)


@behaviour("ctkCollapsibleButton", "qMRMLCollapsibleButton")
class CollapsibleButton(_Folding):
    """A title row; the content lies below it and vanishes while collapsed."""

    _h_defaults = {"collapsed": False, "collapsedHeight": 10, "contentsLineWidth": 1, "buttonTextAlignment": 0x0084}

    def _h_build(self) -> None:
        _Button.setCheckable(self, True)
        _Button.setChecked(self, True)
        _Widget.setSizePolicy(self, QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Preferred)
        self._h_set("_h_title_height", self.fontMetrics().height() + 8)
        _Widget.setContentsMargins(self, 2, self._h_title_height + 2, 2, 2)
        self.connect("toggled(bool)", self._h_toggled)

    def _h_toggled(self, expanded: bool) -> None:
        if self._h_values.get("collapsed", False) == (not expanded):
            return
        self._h_fold(not expanded)
        self._h_emit("contentsCollapsed(bool)", not expanded)

    def _h_set_collapsed(self, collapsed: bool) -> None:
        _Button.setChecked(self, not collapsed)

    def _h_get_collapsed(self) -> bool:
        return bool(self._h_values.get("collapsed", False))

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        self._h_emit("mrmlSceneChanged(vtkMRMLScene*)", scene)

    def childEvent(self, event: Any) -> None:
        if self._h_values.get("collapsed") and event.added():
            QtCore.QTimer.singleShot(0, self._h_fold_again)

    def sizeHint(self) -> QtCore.QSize:
        return self._h_size(_Widget.sizeHint)

    def minimumSizeHint(self) -> QtCore.QSize:
        return self._h_size(_Widget.minimumSizeHint)

    def _h_size(self, of_content: Any) -> QtCore.QSize:
        margin = self._h_title_height + 4
        title = QtCore.QSize(self.fontMetrics().horizontalAdvance(_Button.text(self)) + 40, margin)
        layout = _Widget.layout(self)
        if layout is None or self._h_values.get("collapsed"):
            return title
        return of_content(self).expandedTo(title)

    def paintEvent(self, event: Any) -> None:
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, _Widget.width(self), self._h_title_height)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, (self._h_title_height - 10) // 2, 10, 10)
        expanded = not self._h_values.get("collapsed", False)
        element = QtWidgets.QStyle.PrimitiveElement
        painter.drawPrimitive(element.PE_IndicatorArrowDown if expanded else element.PE_IndicatorArrowRight, arrow)
        text = QtCore.QRect(22, 0, _Widget.width(self) - 24, self._h_title_height)
        painter.drawText(text, QtCore.Qt.AlignmentFlag.AlignVCenter, _Button.text(self))
        if expanded and not self._h_get("flat"):
            palette = _Widget.palette(self)
            painter.setPen(palette.mid().color())
            painter.drawRect(_Widget.rect(self).adjusted(0, self._h_title_height - 1, -1, -1))

    def hitButton(self, position: Any) -> bool:
        return position.y() <= self._h_title_height

    def nextCheckState(self) -> None:
        _Button.setChecked(self, not _Button.isChecked(self))


@behaviour("ctkCollapsibleGroupBox")
class CollapsibleGroupBox(_Folding):
    """A group box whose title folds the content."""

    def _h_build(self) -> None:
        QtWidgets.QGroupBox.setCheckable(self, True)
        QtWidgets.QGroupBox.setChecked(self, True)
        self.connect("toggled(bool)", lambda expanded: self._h_fold(not expanded))

    def _h_set_collapsed(self, collapsed: bool) -> None:
        QtWidgets.QGroupBox.setChecked(self, not collapsed)

    def _h_get_collapsed(self) -> bool:
        return bool(self._h_values.get("collapsed", False))

    def childEvent(self, event: Any) -> None:
        if self._h_values.get("collapsed") and event.added():
            QtCore.QTimer.singleShot(0, self._h_fold_again)


@behaviour("ctkExpandButton")
class ExpandButton(Behaviour):
    """A small checkable arrow."""

    def _h_build(self) -> None:
        QtWidgets.QToolButton.setCheckable(self, True)
        QtWidgets.QToolButton.setArrowType(self, QtCore.Qt.ArrowType.DownArrow)
