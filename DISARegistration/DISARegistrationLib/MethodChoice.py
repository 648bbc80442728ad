"""Preset, method, transform model, search: the combo boxes that have words for the engine's names."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _
from SlicerMambaMedLib.KeyedChoice import KeyedChoice
from SlicerMambaMedLib.Signal import Signal

from DISARegistrationLib.Choices import changedNames
from DISARegistrationLib.Choices import initialEntries
from DISARegistrationLib.Choices import methodEntries
from DISARegistrationLib.Choices import presetEntries
from DISARegistrationLib.Choices import searchEntries
from DISARegistrationLib.Choices import similarityEntries
from DISARegistrationLib.Choices import transformEntries
from DISARegistrationLib.SettingsOfParameters import changedFromPreset

__all__ = ["MethodChoice"]

# What the folder of a one-pass network holds and that of other models for registration does not.
NETWORK_FILE = "network.json"


class MethodChoice:
    """Tells which parameter was given which value, and shows those of a parameter node.

    Args:
        ui: named widgets of the module's panel.
        models: ``ModelList`` of the learned descriptors and the one-pass networks.
    """

    DESCRIPTORS = "disa-lc2"

    def __init__(self, ui: Any, models: Any) -> None:
        self.presetChosen = Signal("name")
        self.changed = Signal("parameter", "value")
        self.presets = presetEntries()
        self._models = models
        self._networks: dict[str, Any] = {}
        self._preset = KeyedChoice(ui.presetComboBox, self.presets)
        strides = [(str(count), _("{count} voxels").format(count=count), "") for count in (1, 2, 4)]
        self._choices = {
            "method": KeyedChoice(ui.methodComboBox, methodEntries()),
            "transformModel": KeyedChoice(ui.transformComboBox, transformEntries()),
            "initial": KeyedChoice(ui.initialComboBox, initialEntries()),
            "search": KeyedChoice(ui.searchComboBox, searchEntries()),
            "similarity": KeyedChoice(ui.similarityComboBox, similarityEntries()),
        }
        self._ofNetworks = (ui.similarityLabel, ui.similarityComboBox, ui.refineCheckBox)
        self.listNetworks()
        self._stride = KeyedChoice(ui.strideComboBox, strides)
        self._preset.changed.connect(self.presetChosen.emit)
        for name, choice in self._choices.items():
            choice.changed.connect(lambda key, name=name: self.changed.emit(name, key))
        self._stride.changed.connect(lambda key: self.changed.emit("stride", int(key)))

    def listNetworks(self, path: str = "") -> str:
        """List the networks that are there now; return the method of the one at ``path``, or an empty text."""
        networks = (entry for entry in self._models.entries() if (entry.folder / NETWORK_FILE).is_file())
        self._networks = {f"network:{entry.key}": entry for entry in networks}
        self._choices["method"].setEntries(methodEntries(self._networks.values()))
        return f"network:{path}" if f"network:{path}" in self._networks else ""

    def show(self, parameters: Any) -> None:
        """Show what a parameter node holds."""
        self._preset.setCurrent(parameters.preset)
        self._stride.setCurrent(str(parameters.stride))
        for name, choice in self._choices.items():
            choice.setCurrent(getattr(parameters, name))
        for widget in self._ofNetworks:
            widget.enabled = parameters.method.startswith("network:")

    def hint(self, parameters: Any) -> str:
        """Return what the chosen preset is for, and what was changed since."""
        texts = [explanation for key, _words, explanation in self.presets if key == parameters.preset]
        changed = changedNames(changedFromPreset(parameters))
        if changed:
            texts.append(_("Changed: {names}.").format(names=", ".join(changed)))
        return " ".join(texts)

    def cardOf(self, method: str) -> Any | None:
        """Return the ``ModelEntry`` behind a method, or None if nothing was learned for it."""
        if method in self._networks:
            return self._networks[method]
        if method == "disa":
            try:
                return self._models.find(self.DESCRIPTORS)
            except Exception:
                return None
        return None
