"""``slicer.app.commandOptions()`` and the module manager."""

from __future__ import annotations

from typing import Any

from ..generated.factory import behaviour
from ..generated.widget import Behaviour

__all__ = ["CommandOptions", "ModuleManager"]


@behaviour("qSlicerCommandOptions")
class CommandOptions(Behaviour):
    """What the command line asked for; the host sets ``noMainWindow`` and ``testingEnabled``."""


@behaviour("qSlicerModuleManager")
class ModuleManager(Behaviour):
    """Modules by name."""

    def _h_do_module(self, name: str) -> Any:
        return self._h_state.setdefault("modules", {}).get(name)

    def _h_do_modulesNames(self) -> tuple[str, ...]:
        return tuple(self._h_state.setdefault("modules", {}))

    def _h_add(self, name: str, module: Any) -> None:
        self._h_state.setdefault("modules", {})[name] = module
        self._h_emit("moduleLoaded(QString)", name)

    def _h_remove(self, name: str) -> None:
        self._h_emit("moduleAboutToBeUnloaded(QString)", name)
        self._h_state["modules"].pop(name, None)

    def _h_do_factoryManager(self) -> Any:
        from ..generated.factory import custom_class

        return custom_class("qSlicerModuleFactoryManager")()
