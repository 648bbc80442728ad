"""A widget that shows what VTK rendered off-screen; base of slice and 3D views."""

from __future__ import annotations

import os
from typing import Any

from PySide6 import QtGui
from PySide6 import QtWidgets

from ..generated.widget import Behaviour

__all__ = ["VtkView", "image_of_window", "make_render_window"]


def make_render_window(width: int, height: int) -> Any:
    """Make an off-screen render window; on Linux through EGL, which needs no display."""
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    import vtk

    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(max(width, 8), max(height, 8))
    return window


def image_of_window(window: Any) -> QtGui.QImage:
    """Return a picture of what a render window shows."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    window.Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.SetInputBufferTypeToRGB()
    grabber.ReadFrontBufferOff()
    grabber.Update()
    output = grabber.GetOutput()
    width, height, _depth = output.GetDimensions()
    pixels = vtk_to_numpy(output.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()
    return QtGui.QImage(pixels.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888).copy()


class VtkView(Behaviour):
    """Renders when asked (``forceRender``) and paints the last picture."""

    _h_defaults = {"renderEnabled": True}

    def _h_build(self) -> None:
        import vtk

        window = make_render_window(200, 200)
        renderer = vtk.vtkRenderer()
        window.AddRenderer(renderer)
        interactor = vtk.vtkGenericRenderWindowInteractor()
        interactor.SetRenderWindow(window)
        self._h_state.update(window=window, renderer=renderer, interactor=interactor, image=None, group=None)
        QtWidgets.QWidget.setMinimumSize(self, 80, 60)

    def _h_add_managers(self, factory: Any, names: tuple[str, ...], node: Any) -> None:
        """Make MRML's displayable managers draw a view node into the renderer."""
        import slicer

        factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        for name in names:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        group = factory.InstantiateDisplayableManagers(self._h_state["renderer"])
        group.SetMRMLDisplayableNode(node)
        self._h_state["group"] = group

    def _h_close(self) -> None:
        """Let go of the scene and the render window."""
        group = self._h_state.get("group")
        if group is not None:
            group.SetMRMLDisplayableNode(None)
        self._h_state["group"] = None
        self._h_state["window"].Finalize()

    def _h_resized(self, width: int, height: int) -> None:
        """React to a new size."""

    def resizeEvent(self, event: Any) -> None:
        self._h_fit(event.size().width(), event.size().height())

    def _h_fit(self, width: int, height: int) -> None:
        """Render at a given size in pixels from now on."""
        self._h_state["window"].SetSize(max(width, 8), max(height, 8))
        self._h_resized(max(width, 8), max(height, 8))

    def paintEvent(self, event: Any) -> None:
        painter = QtGui.QPainter(self)
        image = self._h_state["image"]
        if image is None:
            painter.fillRect(QtWidgets.QWidget.rect(self), QtGui.QColor("black"))
        else:
            painter.drawImage(QtWidgets.QWidget.rect(self), image)

    def _h_do_forceRender(self) -> None:
        self._h_state["image"] = image_of_window(self._h_state["window"])
        QtWidgets.QWidget.update(self)

    def _h_do_scheduleRender(self) -> None:
        """A real view renders soon; here pictures are made when a test asks for one."""

    def _h_do_renderWindow(self) -> Any:
        return self._h_state["window"]

    def _h_do_interactor(self) -> Any:
        return self._h_state["interactor"]

    def _h_do_setRenderPaused(self, paused: bool) -> None:
        """Nothing renders by itself."""

    def _h_do_pauseRender(self) -> None:
        """Nothing renders by itself."""

    def _h_do_resumeRender(self) -> None:
        """Nothing renders by itself."""
