"""The engine's settings from the panel's parameters, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.registration.settings import RegistrationSettings

__all__ = ["changedFromPreset", "fillFromSettings", "settingsOf"]

# Parameter of the panel -> field of the settings.
_FIELDS = {
    "preset": "preset",
    "method": "method",
    "transformModel": "transform",
    "device": "device",
    "warped": "warped",
    "jacobian": "jacobian",
    "similarityMap": "similarity_map",
    "initial": "initial",
    "search": "search",
    "starts": "starts",
    "rotationRangeDeg": "rotation_range_deg",
    "translationRangeMm": "translation_range_mm",
    "workingSpacingMm": "working_spacing_mm",
    "stride": "stride",
    "regularisation": "regularisation",
    "iterations": "iterations",
    "inverseConsistent": "inverse_consistent",
    "diffeomorphic": "diffeomorphic",
    "similarity": "similarity",
    "refine": "refine",
}
# The number that stands for "automatic" in a spin box, where the engine has None.
_AUTOMATIC = {"rotationRangeDeg": -1.0, "translationRangeMm": -1.0, "workingSpacingMm": 0.0}
# A preset says nothing about these: they stay as the user has set them.
_OWN = {"preset", "device", "warped", "jacobian", "similarityMap"}


def settingsOf(parameters: Any) -> RegistrationSettings:
    """Return the settings that the parameter node holds.

    Raises:
        ValueError: values that do not go together; the message says which.
    """
    from mambamed.registration.settings import RegistrationSettings

    values = {field: getattr(parameters, name) for name, field in _FIELDS.items()}
    for name, automatic in _AUTOMATIC.items():
        if values[_FIELDS[name]] <= automatic:
            values[_FIELDS[name]] = None
    values["preset"] = values["preset"] or "custom"
    # A linear transform grows or shrinks space everywhere alike: a number in the table says it.
    values["jacobian"] = values["jacobian"] and values["transform"] in ("deformable", "probe-pressure")
    # The transform file holds the field already.
    return RegistrationSettings(displacement=False, **values)


def fillFromSettings(parameters: Any, settings: RegistrationSettings, withOutputs: bool = True) -> None:
    """Set the parameter node as settings say.

    Args:
        parameters: the wrapped parameter node.
        settings: the settings.
        withOutputs: whether device and outputs are set, too.
    """
    for name, field in _FIELDS.items():
        if withOutputs or name not in _OWN - {"preset"}:
            value = getattr(settings, field)
            setattr(parameters, name, _AUTOMATIC[name] if value is None else value)


def changedFromPreset(parameters: Any) -> list[str]:
    """Return the names of the parameters that differ from the chosen preset's; none for ``custom``."""
    from mambamed.registration.settings import RegistrationSettings

    if parameters.preset in ("", "custom"):
        return []
    preset = RegistrationSettings.for_preset(parameters.preset)
    changed = []
    for name, field in _FIELDS.items():
        value = getattr(preset, field)
        if name not in _OWN and getattr(parameters, name) != (_AUTOMATIC[name] if value is None else value):
            changed.append(name)
    return changed
