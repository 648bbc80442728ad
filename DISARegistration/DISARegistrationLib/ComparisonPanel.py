"""Fixed volume and result in the slice views: blended, as a checkerboard, in turn, or with a map on top."""

from __future__ import annotations

from typing import Any

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _
from SlicerMambaMedLib.KeyedChoice import KeyedChoice
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from DISARegistrationLib.Checkerboard import checkerboard
from DISARegistrationLib.Checkerboard import displayed
from DISARegistrationLib.Checkerboard import resampledOnto
from DISARegistrationLib.SliceLayers import SliceLayers

__all__ = ["ComparisonPanel"]


class ComparisonPanel:
    """Changes what the slice views show, and gives back what they showed before.

    Args:
        ui: named widgets of the module's panel.
    """

    AS_IT_WAS = "as-it-was"
    BLEND = "blend"
    CHECKERBOARD = "checkerboard"
    FLICKER = "flicker"
    JACOBIAN = "jacobian"
    SIMILARITY = "similarity-map"
    FLICKER_INTERVAL_MS = 600
    TILE_DELAY_MS = 150

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._fixed: Any = None
        self._moving: Any = None
        self._maps: dict[str, Any] = {}
        self._before: SliceLayers | None = None
        self._board: Any = None
        self._isResultOnTop = True
        self.choice = KeyedChoice(ui.comparisonComboBox, self._entries())
        self.choice.changed.connect(self.setMode)
        ui.blendSlider.connect("valueChanged(double)", self._onBlend)
        ui.tileSlider.connect("valueChanged(double)", self._onTile)
        self._flickerTimer = qt.QTimer()
        self._flickerTimer.setInterval(self.FLICKER_INTERVAL_MS)
        self._flickerTimer.connect("timeout()", self._flicker)
        # A slider that is dragged asks for many boards: the last one is enough.
        self._tileTimer = qt.QTimer()
        self._tileTimer.setSingleShot(True)
        self._tileTimer.setInterval(self.TILE_DELAY_MS)
        self._tileTimer.connect("timeout()", self._drawBoard)
        self.showControls()

    @property
    def mode(self) -> str:
        """Key of what is shown."""
        return self.choice.current

    @property
    def board(self) -> Any:
        """The volume that shows the checkerboard, or None."""
        return self._board

    def show(self, fixed: Any | None, moving: Any | None, jacobian: Any | None = None, similarity: Any = None) -> None:
        """Compare these volumes from now on; what the views show changes only when the volumes are others.

        Args:
            fixed: the fixed volume; None compares nothing.
            moving: the moving volume under its result, or None.
            jacobian: map on the fixed volume's grid, or None.
            similarity: map on the fixed volume's grid, or None.
        """
        maps = {self.JACOBIAN: jacobian, self.SIMILARITY: similarity}
        maps = {key: node for key, node in maps.items() if node is not None}
        if (fixed, moving, maps) == (self._fixed, self._moving, self._maps):
            return
        self.end()
        self._fixed, self._moving, self._maps = fixed, moving, maps
        self.choice.setEntries(self._entries())
        self.showControls()

    def setMode(self, key: str) -> None:
        """Show the volumes in another way (the combo box does this)."""
        self.choice.setCurrent(key)
        self._stop()
        if slicer.app.layoutManager() is None or self._fixed is None or self._moving is None:
            return
        if key == self.AS_IT_WAS:
            self._restore()
        else:
            if self._before is None:
                self._before = SliceLayers(slicer.mrmlScene)
            self._showLayers(key)
        self.showControls()

    def end(self) -> None:
        """Give the views back what they showed before the comparison."""
        self._stop()
        self._restore()
        self.choice.setCurrent(self.AS_IT_WAS)
        self.showControls()

    def pause(self) -> None:
        """Stop the flickering, with the result on top; the views stay as they are."""
        self._flickerTimer.stop()

    def cleanup(self) -> None:
        """Let go of everything."""
        self._stop()
        self._before = None

    def _entries(self) -> list[tuple[str, str, str]]:
        entries = [
            (self.AS_IT_WAS, _("Views as they were"), _("What the slice views showed before")),
            (self.BLEND, _("Blend"), _("The result over the fixed volume")),
            (self.CHECKERBOARD, _("Checkerboard"), _("Squares of the fixed volume and of the result in turn")),
            (self.FLICKER, _("Flicker"), _("Fixed volume and result in turn")),
        ]
        if self.JACOBIAN in self._maps:
            entries.append((self.JACOBIAN, _("Jacobian"), _("Blue where space shrinks, red where it grows")))
        if self.SIMILARITY in self._maps:
            entries.append((self.SIMILARITY, _("Similarity"), _("Local similarity after registration")))
        return entries

    def _showLayers(self, key: str) -> None:
        if key == self.CHECKERBOARD:
            self._drawBoard()
            return
        node = self._maps.get(key, self._moving)
        opacity = 1.0 if key == self.FLICKER else float(self.ui.blendSlider.value)
        slicer.util.setSliceViewerLayers(background=self._fixed, foreground=node, foregroundOpacity=opacity)
        if key in self._maps:
            self._showLegend(node)
        if key == self.FLICKER:
            self._isResultOnTop = True
            self._flickerTimer.start()

    def _showLegend(self, node: Any) -> None:
        titles = {self.JACOBIAN: _("Jacobian"), self.SIMILARITY: _("Similarity")}
        if hasattr(slicer.modules, "colors"):
            legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(node)
            if legend is not None:
                legend.SetTitleText(titles[self.mode])

    def _flicker(self) -> None:
        self._isResultOnTop = not self._isResultOnTop
        slicer.util.setSliceViewerLayers(foregroundOpacity=1.0 if self._isResultOnTop else 0.0)

    def _drawBoard(self) -> None:
        """Make or renew the checkerboard and show it."""
        fixed = slicer.util.arrayFromVolume(self._fixed)
        first = displayed(fixed, self._fixed)
        second = displayed(resampledOnto(self._moving, self._fixed), self._moving)
        geometry = VolumeGeometry.ofVolumeNode(self._fixed, inWorld=False)
        voxels = checkerboard(first, second, geometry.spacingMm, float(self.ui.tileSlider.value))
        if self._board is None or self._board.GetScene() is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
            node.UnRegister(None)
            node.SetName(_("Registration checkerboard"))
            node.SetSaveWithScene(False)
            node.HideFromEditorsOn()
            self._board = slicer.mrmlScene.AddNode(node)
        slicer.util.updateVolumeFromArray(self._board, np.ascontiguousarray(voxels))
        self._board.SetIJKToRASMatrix(geometry.asVtkMatrix())
        self._board.SetAndObserveTransformNodeID(self._fixed.GetTransformNodeID())
        if self._board.GetDisplayNode() is None:
            self._board.CreateDefaultDisplayNodes()
            self._board.GetDisplayNode().SetAutoWindowLevel(False)
            self._board.GetDisplayNode().SetWindowLevelMinMax(0, 255)
            self._board.GetDisplayNode().SetSaveWithScene(False)
        slicer.util.setSliceViewerLayers(background=self._board, foreground=None, foregroundOpacity=0.0)

    def _onBlend(self, value: float) -> None:
        if self.mode == self.BLEND or self.mode in self._maps:
            slicer.util.setSliceViewerLayers(foregroundOpacity=value)

    def _onTile(self, value: float) -> None:
        if self.mode == self.CHECKERBOARD and self._fixed is not None:
            self._tileTimer.start()

    def _stop(self) -> None:
        self._flickerTimer.stop()
        self._tileTimer.stop()
        for node in self._maps.values():
            self._hideLegend(node)
        if self._board is not None:
            board, self._board = self._board, None
            if board.GetScene() is not None:
                display = board.GetDisplayNode()
                board.GetScene().RemoveNode(board)
                if display is not None and display.GetScene() is not None:
                    display.GetScene().RemoveNode(display)

    @staticmethod
    def _hideLegend(node: Any) -> None:
        if node.GetScene() is not None and hasattr(slicer.modules, "colors"):
            legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(node)
            if legend is not None:
                legend.SetVisibility(False)

    def _restore(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            before.restore()

    def showControls(self) -> None:
        """Show the sliders that do something in the present mode."""
        self.ui.comparisonComboBox.enabled = self._fixed is not None and self._moving is not None
        isOpen = not self.ui.qualityCollapsibleButton.collapsed
        hasBlend = isOpen and (self.mode == self.BLEND or self.mode in self._maps)
        for widget in (self.ui.blendLabel, self.ui.blendSlider):
            widget.visible = hasBlend
        for widget in (self.ui.tileLabel, self.ui.tileSlider):
            widget.visible = isOpen and self.mode == self.CHECKERBOARD
