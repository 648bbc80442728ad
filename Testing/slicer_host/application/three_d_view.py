"""The 3D view: models, segmentations and markups through MRML's displayable managers."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from ..generated.factory import behaviour
from ..generated.factory import custom_class
from ..generated.widget import Behaviour
from .vtk_view import VtkView

__all__ = ["ThreeDView", "ThreeDWidget"]

_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)


@behaviour("qMRMLThreeDView")
class ThreeDView(VtkView):
    """Draws one view node."""

    def _h_start(self, node: Any) -> None:
        import slicer

        self._h_state["node"] = node
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self._h_add_managers(factory, _MANAGERS, node)

    def _h_do_mrmlViewNode(self) -> Any:
        return self._h_state["node"]

    def _h_data_bounds(self) -> list[float]:
        """Return the bounds of what is shown, without the box around it."""
        node = self._h_state["node"]
        shown = node.GetBoxVisible(), node.GetAxisLabelsVisible()
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
        bounds = list(self._h_state["renderer"].ComputeVisiblePropBounds())
        node.SetBoxVisible(shown[0])
        node.SetAxisLabelsVisible(shown[1])
        return bounds

    def _h_do_resetFocalPoint(self) -> None:
        bounds = self._h_data_bounds()
        if bounds[0] > bounds[1]:
            return
        self._h_state["node"].InvokeEvent(type(self._h_state["node"]).ResetFocalPointRequestedEvent)
        center = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
        camera = self._h_state["renderer"].GetActiveCamera()
        shift = [new - old for new, old in zip(center, camera.GetFocalPoint(), strict=True)]
        camera.SetPosition([old + move for old, move in zip(camera.GetPosition(), shift, strict=True)])
        camera.SetFocalPoint(center)
        self._h_state["renderer"].ResetCameraClippingRange()

    def _h_do_resetCamera(self, *_options: bool) -> None:
        bounds = self._h_data_bounds()
        if bounds[0] <= bounds[1]:
            self._h_state["renderer"].ResetCamera(bounds)
        self._h_state["renderer"].ResetCameraClippingRange()

    def _h_do_rotateToViewAxis(self, axis: int) -> None:
        """Look from one of the six sides, numbered as the view node's axis labels: L, R, P, A, I, S."""
        camera = self._h_state["renderer"].GetActiveCamera()
        directions = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))
        focal_point, distance = camera.GetFocalPoint(), camera.GetDistance()
        camera.SetPosition([p + distance * d for p, d in zip(focal_point, directions[int(axis)], strict=True)])
        camera.SetViewUp((0, 1, 0) if int(axis) > 3 else (0, 0, 1))
        self._h_state["renderer"].ResetCameraClippingRange()

    def _h_do_displayableManagerByClassName(self, name: str) -> Any:
        return self._h_state["group"].GetDisplayableManagerByClassName(name)

    def _h_do_cameraNode(self) -> Any:
        import slicer

        return slicer.modules.cameras.logic().GetViewActiveCameraNode(self._h_state["node"])


@behaviour("qMRMLThreeDWidget")
class ThreeDWidget(Behaviour):
    """A 3D view with its bar."""

    def _h_start(self) -> None:
        import slicer

        scene = slicer.mrmlScene
        node = scene.GetSingletonNode("1", "vtkMRMLViewNode")
        if node is None:
            node = slicer.vtkMRMLViewNode()
            node.SetName("View1")
            node.SetLayoutName("1")
            node.SetLayoutLabel("1")
            scene.AddNode(node)
        view = custom_class("qMRMLThreeDView")()
        view._h_start(node)
        self._h_state.update(view=view, node=node)
        layout = QtWidgets.QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        QtWidgets.QWidget.setLayout(self, layout)

    def _h_close(self) -> None:
        self._h_state["view"]._h_close()

    def _h_render(self) -> None:
        self._h_state["view"].forceRender()

    def _h_do_threeDView(self) -> Any:
        return self._h_state["view"]

    _h_do_viewWidget = _h_do_threeDView

    def _h_do_mrmlViewNode(self) -> Any:
        return self._h_state["node"]

    _h_do_mrmlAbstractViewNode = _h_do_mrmlViewNode
