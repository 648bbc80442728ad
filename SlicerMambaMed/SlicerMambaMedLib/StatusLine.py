"""The line at the top of a panel: is the engine ready, on what does it compute, or what is missing."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from SlicerMambaMedLib.EngineInformation import EngineInformation
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.UserInterface import loadInto
from SlicerMambaMedLib.UserInterface import showStandardIcon

__all__ = ["StatusLine"]


class StatusLine:
    """Shows one sentence, one button that mends what is missing, and the way to the engine's settings.

    Args:
        frame: widget with a layout that takes the line.
    """

    def __init__(self, frame: Any) -> None:
        self.mendRequested = Signal()
        self.settingsRequested = Signal()
        self.widget, self.ui = loadInto(frame, "MambaMedStatusLine")
        self.ui.mendButton.connect("clicked(bool)", lambda checked=False: self.mendRequested.emit())
        self.ui.settingsButton.connect("clicked(bool)", lambda checked=False: self.settingsRequested.emit())

    @property
    def text(self) -> str:
        """The sentence that is shown."""
        return str(self.ui.statusLabel.text)

    def showChecking(self) -> None:
        """Say that the engine is being examined."""
        self._show(_("Looking at what this computer can do..."), None)

    def showReady(self, information: EngineInformation, deviceIdentifier: str, interpreter: str = "") -> None:
        """Say that the engine is ready, with device and scan backend in words."""
        device = information.device(deviceIdentifier)
        if device is None:
            self._show(
                _("The engine is ready, but the device {device} is not here.").format(device=deviceIdentifier), 1
            )
            return
        text = _("Engine ready on {device}").format(device=device.label)
        if device.scanBackends:
            text += _(", scan backend {backend}").format(backend=device.scanBackends[0])
        if interpreter:
            text += _(", Python {interpreter}").format(interpreter=interpreter)
        self._show(text + ".", 0)
        self.ui.statusLabel.toolTip = "\n".join(information.missing)

    def showMissing(self, text: str, buttonText: str) -> None:
        """Say what is missing and offer the button that mends it."""
        self._show(text, 1)
        self.ui.mendButton.text = buttonText
        self.ui.mendButton.visible = bool(buttonText)

    def _show(self, text: str, warningLevel: int | None) -> None:
        icons = {0: qt.QStyle.SP_DialogApplyButton, 1: qt.QStyle.SP_MessageBoxWarning}
        showStandardIcon(self.ui.statusIcon, icons.get(warningLevel))
        self.ui.statusLabel.text = text
        self.ui.statusLabel.toolTip = ""
        self.ui.mendButton.visible = False
