"""``slicer.app.layoutManager()``: three slice views, one 3D view, and a table view."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from ..generated.factory import behaviour
from ..generated.factory import custom_class
from ..generated.widget import Behaviour
from .slice_views import SLICE_VIEWS

__all__ = ["LayoutManager"]

# layout number -> the views that are shown, in a grid of two columns; other layouts show the four-up arrangement
_FOUR_UP = ("Red", "3D", "Green", "Yellow")
_ARRANGEMENTS = {
    3: _FOUR_UP,
    4: ("3D",),
    6: ("Red",),
    7: ("Yellow",),
    8: ("Green",),
    34: (*_FOUR_UP, "Table"),
}


@behaviour("qMRMLTableWidget")
class TableWidget(Behaviour):
    """A table view in the layout; shows the active table."""

    def _h_start(self) -> None:
        view = custom_class("qMRMLTableView")()
        layout = QtWidgets.QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_state["view"] = view

    def _h_do_tableView(self) -> Any:
        return self._h_state["view"]

    def _h_render(self) -> None:
        import slicer

        selection = slicer.app.applicationLogic().GetSelectionNode()
        node = slicer.mrmlScene.GetNodeByID(selection.GetActiveTableID() or "")
        self._h_state["view"].setMRMLTableNode(node)


@behaviour("qSlicerLayoutManager")
class LayoutManager(Behaviour):
    """Owns the views."""

    _h_defaults = {"enabled": True, "layout": 3}

    def _h_start(self, area: QtWidgets.QWidget) -> None:
        import slicer
        import vtk

        views: dict[str, Any] = {}
        logics = vtk.vtkCollection()
        for name in SLICE_VIEWS:
            views[name] = custom_class("qMRMLSliceWidget")()
            views[name]._h_start(name)
            logics.AddItem(views[name].sliceLogic())
        slicer.app.applicationLogic().SetSliceLogics(logics)
        views["3D"] = custom_class("qMRMLThreeDWidget")()
        views["3D"]._h_start()
        views["Table"] = custom_class("qMRMLTableWidget")()
        views["Table"]._h_start()
        grid = QtWidgets.QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        area.setLayout(grid)
        self._h_state.update(views=views, grid=grid, logics=logics)
        self._h_arrange(3)

    def _h_close(self) -> None:
        import slicer

        slicer.app.applicationLogic().SetSliceLogics(None)
        for name, view in self._h_state["views"].items():
            if name != "Table":
                view._h_close()
        scene = slicer.mrmlScene
        for class_name in ("vtkMRMLSliceCompositeNode", "vtkMRMLSliceNode", "vtkMRMLViewNode", "vtkMRMLCameraNode"):
            for node in slicer.util.getNodesByClass(class_name):
                scene.RemoveNode(node)

    def _h_arrange(self, layout: int) -> None:
        grid = self._h_state["grid"]
        for view in self._h_state["views"].values():
            grid.removeWidget(view)
            view.hide()
        shown = _ARRANGEMENTS.get(layout, _FOUR_UP)
        for index, name in enumerate(shown):
            view = self._h_state["views"][name]
            grid.addWidget(view, index // 2, index % 2, 1, 2 if len(shown) % 2 and index == len(shown) - 1 else 1)
            view.show()

    def _h_render_all(self) -> None:
        """Render every view that is shown."""
        for view in self._h_state["views"].values():
            if view.isVisible():
                view._h_render()

    def _h_set_layout(self, layout: int) -> None:
        if layout != self._h_get("layout"):
            self._h_values["layout"] = int(layout)
            self._h_arrange(int(layout))
            self._h_emit("layoutChanged(int)", int(layout))

    def _h_get_layout(self) -> int:
        return self._h_values.get("layout", 3)

    def _h_get_threeDViewCount(self) -> int:
        return 1

    def _h_get_tableViewCount(self) -> int:
        return 1

    def _h_do_sliceViewNames(self) -> tuple[str, ...]:
        return tuple(SLICE_VIEWS)

    def _h_do_sliceWidget(self, name: str) -> Any:
        return self._h_state["views"].get(name) if name in SLICE_VIEWS else None

    def _h_do_threeDWidget(self, index: int | str) -> Any:
        return self._h_state["views"]["3D"] if index in (0, "View1", "1") else None

    def _h_do_tableWidget(self, index: int) -> Any:
        return self._h_state["views"]["Table"] if index == 0 else None

    def _h_do_mrmlSliceLogics(self) -> Any:
        return self._h_state["logics"]

    def _h_do_resetSliceViews(self) -> None:
        for name in SLICE_VIEWS:
            logic = self._h_state["views"][name].sliceLogic()
            logic.FitSliceToBackground()
            logic.SnapSliceOffsetToIJK()

    def _h_do_resetThreeDViews(self) -> None:
        view = self._h_state["views"]["3D"].threeDView()
        view.resetFocalPoint()
        view.resetCamera()

    def _h_do_activeMRMLThreeDViewNode(self) -> Any:
        return self._h_state["views"]["3D"].mrmlViewNode()

    def _h_do_setRenderPaused(self, paused: bool) -> None:
        """Nothing renders by itself."""

    def _h_do_pauseRender(self) -> None:
        """Nothing renders by itself."""

    def _h_do_resumeRender(self) -> None:
        """Nothing renders by itself."""
