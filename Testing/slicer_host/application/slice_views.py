"""Slice views: MRML's own slice pipeline (volume layers, segmentations, markups) drawn off-screen."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from ..generated.factory import behaviour
from ..generated.factory import custom_class
from ..generated.widget import Behaviour
from .vtk_view import VtkView

__all__ = ["SLICE_VIEWS", "SliceView", "SliceWidget"]

# name -> (orientation, colour of the bar, label)
SLICE_VIEWS = {
    "Red": ("Axial", (0.953, 0.290, 0.200), "R"),
    "Yellow": ("Sagittal", (0.929, 0.835, 0.298), "Y"),
    "Green": ("Coronal", (0.431, 0.690, 0.294), "G"),
}
_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
)


@behaviour("qMRMLSliceView")
class SliceView(VtkView):
    """Draws the blended layers as an image, and everything else through displayable managers."""

    def _h_start(self, logic: Any) -> None:
        import slicer
        import vtk

        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255.0)
        mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        actor.SetVisibility(False)
        self._h_state["renderer"].AddViewProp(actor)
        self._h_state.update(logic=logic, mapper=mapper, actor=actor)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        self._h_add_managers(factory, _MANAGERS, logic.GetSliceNode())

    def _h_resized(self, width: int, height: int) -> None:
        logic = self._h_state.get("logic")
        if logic is not None:
            logic.ResizeSliceNode(width, height)

    def _h_do_mrmlSliceNode(self) -> Any:
        return self._h_state["logic"].GetSliceNode()

    def _h_do_forceRender(self) -> None:
        connection = self._h_state["logic"].GetImageDataConnection()
        self._h_state["mapper"].SetInputConnection(connection)
        self._h_state["actor"].SetVisibility(connection is not None)
        VtkView._h_do_forceRender(self)


@behaviour("qMRMLSliceControllerWidget")
class SliceController(Behaviour):
    """The bar above a slice view: its colour and name, the offset."""

    def _h_start(self, logic: Any, name: str, color: tuple[float, float, float], label: str) -> None:
        self._h_state["logic"] = logic
        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(4, 1, 4, 1)
        QtWidgets.QWidget.setLayout(self, layout)
        title = QtWidgets.QLabel(label, self)
        red, green, blue = (int(255 * part) for part in color)
        title.setStyleSheet(f"background-color: rgb({red},{green},{blue}); color: black; padding: 0px 6px")
        self._h_set("_h_offset", QtWidgets.QLabel("", self))
        self._h_offset.setStyleSheet("color: white")
        layout.addWidget(title)
        layout.addWidget(self._h_offset, 1)
        QtWidgets.QWidget.setToolTip(self, name)

    def _h_refresh(self) -> None:
        node = self._h_state["logic"].GetSliceNode()
        self._h_offset.setText(f"{node.GetOrientation()}  {self._h_state['logic'].GetSliceOffset():.1f} mm")

    def _h_do_sliceLogic(self) -> Any:
        return self._h_state["logic"]

    def _h_do_mrmlSliceNode(self) -> Any:
        return self._h_state["logic"].GetSliceNode()

    def _h_do_mrmlSliceCompositeNode(self) -> Any:
        return self._h_state["logic"].GetSliceCompositeNode()

    def _h_do_fitSliceToBackground(self) -> None:
        self._h_state["logic"].FitSliceToBackground()

    def _h_do_rotateSliceToLowestVolumeAxes(self) -> None:
        self._h_state["logic"].RotateSliceToLowestVolumeAxes()

    def _h_do_setSliceOffsetValue(self, value: float) -> None:
        self._h_state["logic"].SetSliceOffset(float(value))

    def _h_do_setSliceVisible(self, visible: bool) -> None:
        self._h_do_mrmlSliceNode().SetSliceVisible(int(visible))

    def _h_do_setForegroundOpacity(self, opacity: float) -> None:
        self._h_do_mrmlSliceCompositeNode().SetForegroundOpacity(float(opacity))

    def _h_do_setSliceLink(self, linked: bool) -> None:
        self._h_do_mrmlSliceCompositeNode().SetLinkedControl(int(linked))


@behaviour("qMRMLSliceWidget")
class SliceWidget(Behaviour):
    """A slice view with its bar; owns the slice logic."""

    def _h_start(self, name: str) -> None:
        import slicer

        orientation, color, label = SLICE_VIEWS[name]
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if node is None:
            slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
            node = scene.CreateNodeByClass("vtkMRMLSliceNode")
            node.UnRegister(None)
            node.SetName(name)
            node.SetLayoutName(name)
            node.SetLayoutLabel(label)
            node.SetLayoutColor(*color)
            scene.AddNode(node)
        node.SetOrientation(orientation)
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        logic.SetMRMLScene(scene)
        logic.SetSliceNode(node)
        controller = custom_class("qMRMLSliceControllerWidget")()
        controller._h_start(logic, name, color, label)
        view = custom_class("qMRMLSliceView")()
        view._h_start(logic)
        self._h_state.update(logic=logic, controller=controller, view=view, name=name)
        layout = QtWidgets.QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(controller)
        layout.addWidget(view, 1)
        QtWidgets.QWidget.setLayout(self, layout)

    def _h_close(self) -> None:
        self._h_state["view"]._h_close()
        self._h_state["logic"].SetMRMLScene(None)

    def _h_render(self) -> None:
        self._h_state["controller"]._h_refresh()
        self._h_state["view"].forceRender()

    def _h_do_sliceLogic(self) -> Any:
        return self._h_state["logic"]

    _h_do_logic = _h_do_sliceLogic

    def _h_do_mrmlSliceNode(self) -> Any:
        return self._h_state["logic"].GetSliceNode()

    _h_do_mrmlAbstractViewNode = _h_do_mrmlSliceNode

    def _h_do_mrmlSliceCompositeNode(self) -> Any:
        return self._h_state["logic"].GetSliceCompositeNode()

    def _h_do_sliceView(self) -> Any:
        return self._h_state["view"]

    _h_do_viewWidget = _h_do_sliceView

    def _h_do_sliceController(self) -> Any:
        return self._h_state["controller"]

    _h_do_controllerWidget = _h_do_sliceController

    def _h_do_fitSliceToBackground(self) -> None:
        self._h_state["logic"].FitSliceToBackground()

    def _h_get_sliceViewName(self) -> str:
        return self._h_state.get("name", "")

    def _h_get_sliceOrientation(self) -> str:
        return self._h_do_mrmlSliceNode().GetOrientation()

    def _h_set_sliceOrientation(self, orientation: str) -> None:
        self._h_do_mrmlSliceNode().SetOrientation(orientation)
