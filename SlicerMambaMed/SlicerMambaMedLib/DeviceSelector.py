"""Choice of the computing device, with the scan backend that runs on it."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from SlicerMambaMedLib.EngineInformation import EngineInformation
from SlicerMambaMedLib.Signal import Signal

__all__ = ["DeviceSelector"]


class DeviceSelector:
    """Fills a combo box with what the engine found on this computer.

    Until the engine has been examined, only "Automatic" and a choice restored from a scene are listed.

    Args:
        comboBox: QComboBox for the devices.
        backendLabel: QLabel for the scan backend; None for tasks whose networks have no scan.
    """

    AUTOMATIC = "auto"

    def __init__(self, comboBox: Any, backendLabel: Any | None = None) -> None:
        self.changed = Signal("identifier")
        self._comboBox = comboBox
        self._backendLabel = backendLabel
        self._information = EngineInformation(problem="")
        self._fill(self.AUTOMATIC)
        comboBox.connect("currentIndexChanged(int)", self._onChanged)

    @property
    def current(self) -> str:
        """Identifier of the chosen device."""
        return str(self._comboBox.currentData or self.AUTOMATIC)

    def setCurrent(self, identifier: str) -> None:
        """Choose a device; one that this computer lacks is listed as such, so that nothing is changed unseen."""
        if identifier != self.current:
            self._fill(identifier or self.AUTOMATIC)

    def setInformation(self, information: EngineInformation) -> None:
        """List the devices of an examined engine."""
        self._information = information
        self._fill(self.current)

    def _fill(self, chosen: str) -> None:
        wasBlocked = self._comboBox.blockSignals(True)
        self._comboBox.clear()
        best = self._information.device(self.AUTOMATIC)
        text = _("Automatic ({device})").format(device=best.label) if best else _("Automatic")
        self._comboBox.addItem(text, self.AUTOMATIC)
        for device in self._information.devices:
            self._comboBox.addItem(device.label, device.identifier)
        index = self._comboBox.findData(chosen)
        if index < 0:
            known = bool(self._information.devices)
            self._comboBox.addItem(_("{device} (not here)").format(device=chosen) if known else chosen, chosen)
            index = self._comboBox.count - 1
        self._comboBox.setCurrentIndex(index)
        self._comboBox.blockSignals(wasBlocked)
        self._showBackend()

    def _onChanged(self, index: int) -> None:
        self._showBackend()
        self.changed.emit(self.current)

    def _showBackend(self) -> None:
        if self._backendLabel is None:
            return
        device = self._information.device(self.current)
        backends = device.scanBackends if device else ()
        self._backendLabel.text = _("scan: {backend}").format(backend=backends[0]) if backends else ""
        self._backendLabel.toolTip = (
            _("Usable backends of the selective scan, best first: {names}").format(names=", ".join(backends))
            if backends
            else ""
        )
