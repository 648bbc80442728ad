"""``@parameterNodeWrapper``: a class with annotated members over a vtkMRMLScriptedModuleNode."""

from __future__ import annotations

import typing
from typing import Any

from .annotations import Default
from .annotations import Validator
from .gui import connect
from .packs import isParameterPack
from .packs import pack_fields
from .serializers import default_value
from .serializers import serializer_for
from .serializers import split_annotated

__all__ = ["isParameterNodeWrapper", "parameterNodeWrapper"]

_FORWARDED = ("AddObserver", "RemoveObserver", "HasObserver", "StartModify", "EndModify", "Modified", "GetMTime")


def isParameterNodeWrapper(kind: Any) -> bool:
    """Tell whether a class (or an instance of it) is a wrapper."""
    kind = kind if isinstance(kind, type) else type(kind)
    return "_parameters" in vars(kind)


class Parameter:
    """One annotated member."""

    def __init__(self, name: str, annotation: Any, class_default: Any, has_default: bool) -> None:
        self.name = name
        self.annotation = annotation
        self.kind, self.extras = split_annotated(annotation)
        self.validators = [extra for extra in self.extras if isinstance(extra, Validator)]
        self.serializer = serializer_for(annotation)
        given = [extra for extra in self.extras if isinstance(extra, Default)]
        if has_default and given:
            raise ValueError(f"{name} has two defaults")
        if has_default:
            self.default = Default(class_default)
        else:
            self.default = given[0] if given else Default(generator=lambda: default_value(annotation))
        if has_default or given:
            self.checked(self.default.value)

    def checked(self, value: Any) -> Any:
        """Return the value in its own type; raise TypeError or ValueError when it is not allowed."""
        value = self.serializer.check(value)
        for validator in self.validators:
            validator.validate(value)
        return value

    def as_property(self) -> property:
        """Return the attribute of the wrapper class."""

        def read(instance: Any) -> Any:
            return instance.getValue(self.name)

        def write(instance: Any, value: Any) -> None:
            instance.setValue(self.name, value)

        return property(read, write)


def _initialize(self: Any, parameterNode: Any, prefix: str | None = None) -> None:
    self.parameterNode = parameterNode
    self._prefix = f"{prefix}." if prefix else ""
    self._connections = {}
    modifying = parameterNode.StartModify()
    for name, parameter in self._parameters.items():
        if not parameter.serializer.is_in(parameterNode, self._prefix + name):
            value = parameter.default.value
            if value is not None:
                parameter.serializer.write(parameterNode, self._prefix + name, parameter.serializer.check(value))
            elif not hasattr(parameter.serializer, "members"):
                continue
            else:
                parameter.serializer.write(parameterNode, self._prefix + name, None)
    parameterNode.EndModify(modifying)


def _parameter(self: Any, name: str) -> Parameter:
    if name not in self._parameters:
        raise ValueError(f"Cannot find a parameter with the name '{name}'")
    return self._parameters[name]


def _get_value(self: Any, name: str) -> Any:
    head, _, rest = name.partition(".")
    parameter = _parameter(self, head)
    value = parameter.serializer.read(self.parameterNode, self._prefix + head)
    for part in rest.split(".") if rest else []:
        value = getattr(value, part)
    return value


def _set_value(self: Any, name: str, value: Any) -> None:
    head, _, rest = name.partition(".")
    parameter = _parameter(self, head)
    if rest:
        *path, last = rest.split(".")
        holder = _get_value(self, ".".join([head, *path]))
        setattr(holder, last, value)
        return
    checked = parameter.checked(value)
    modifying = self.parameterNode.StartModify()
    parameter.serializer.write(self.parameterNode, self._prefix + head, checked)
    self.parameterNode.EndModify(modifying)


def _data_type(self: Any, name: str) -> Any:
    head, _, rest = name.partition(".")
    annotation = _parameter(self, head).annotation
    for part in rest.split(".") if rest else []:
        kind, _extras = split_annotated(annotation)
        if not isParameterPack(kind) or part not in pack_fields(kind):
            raise ValueError(f"Cannot find a parameter with the name '{name}'")
        annotation = pack_fields(kind)[part]
    return annotation


def _connect_gui(self: Any, gui: Any) -> int:
    widgets = {}
    candidates = gui.findChildren() if hasattr(gui, "findChildren") else vars(gui).values()
    for widget in candidates:
        for key in ("SlicerParameterName", "SlicerPackParameterName"):
            name = widget.property(key) if hasattr(widget, "property") else None
            if name:
                _data_type(self, name)
                widgets.setdefault(name, widget)
    return _connect_parameters(self, widgets)


def _connect_parameters(self: Any, mapping: dict[str, Any]) -> int:
    tag = 1 + max(self._connections, default=0)
    self._connections[tag] = connect(self, mapping)
    return tag


def _disconnect_gui(self: Any, tag: int) -> None:
    self._connections.pop(tag).disconnect()


def parameterNodeWrapper(cls: type) -> type:
    """Class decorator: the annotated members become parameters kept in the node."""
    annotations = typing.get_type_hints(cls, include_extras=True)
    parameters = {}
    for name, annotation in annotations.items():
        parameters[name] = Parameter(name, annotation, vars(cls).get(name), name in vars(cls))
        setattr(cls, name, parameters[name].as_property())
    members = {
        "_parameters": parameters,
        "allParameters": property(lambda self: dict(annotations)),
        "__init__": _initialize,
        "getValue": _get_value,
        "setValue": _set_value,
        "dataType": _data_type,
        "default": lambda self, name: _parameter(self, name).default,
        "isCached": lambda self, name: False,
        "connectGui": _connect_gui,
        "connectParametersToGui": _connect_parameters,
        "disconnectGui": _disconnect_gui,
    }
    for name, member in members.items():
        setattr(cls, name, member)
    for name in _FORWARDED:

        def forward(self: Any, *arguments: Any, _name: str = name) -> Any:
            return getattr(self.parameterNode, _name)(*arguments)

        setattr(cls, name, forward)
    return cls
