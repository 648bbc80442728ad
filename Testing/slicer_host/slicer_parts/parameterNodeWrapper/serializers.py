"""How each type of parameter is kept in a vtkMRMLScriptedModuleNode: as text, or as a node reference."""

from __future__ import annotations

import enum
import json
import pathlib
import types
import typing
from typing import Any

from .annotations import Choice
from .annotations import Maximum
from .annotations import Minimum
from .annotations import RangeBounds
from .annotations import WithinRange
from .observed import ObservedDict
from .observed import ObservedList
from .observed import plain
from .ranges import FloatRange

__all__ = ["Serializer", "default_value", "is_node_class", "serializer_for", "split_annotated", "union_members"]


def split_annotated(annotation: Any) -> tuple[Any, list[Any]]:
    """Split ``Annotated[type, a, b]`` into the type and its extras."""
    if typing.get_origin(annotation) is typing.Annotated:
        base, *extras = typing.get_args(annotation)
        return base, extras
    return annotation, []


def union_members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or an empty tuple."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return typing.get_args(annotation)
    return ()


def is_node_class(annotation: Any) -> bool:
    """Tell whether a type is an MRML node class, or a union of them (with None)."""
    import slicer

    members = [member for member in union_members(annotation) if member is not type(None)]
    if members:
        return all(is_node_class(member) for member in members)
    return isinstance(annotation, type) and issubclass(annotation, slicer.vtkMRMLNode)


class Serializer:
    """Reads and writes one value as text under one name."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def is_in(self, node: Any, name: str) -> bool:
        """Tell whether the node holds this parameter."""
        return node.HasParameter(name)

    def write(self, node: Any, name: str, value: Any) -> None:
        """Write a checked value."""
        node.SetParameter(name, self.to_text(value))

    def read(self, node: Any, name: str) -> Any:
        """Read the value back."""
        return self.from_text(node.GetParameter(name))

    def remove(self, node: Any, name: str) -> None:
        """Forget the parameter."""
        node.UnsetParameter(name)

    def to_text(self, value: Any) -> str:
        """Return the stored text."""
        return str(value)

    def from_text(self, text: str) -> Any:
        """Return the value of a stored text."""
        return self.kind(text)

    def check(self, value: Any) -> Any:
        """Return the value in its own type, or raise when it has another."""
        if self.kind in (int, float) and isinstance(value, int | float) and not isinstance(value, bool):
            if self.kind is int and int(value) != value:
                raise TypeError(f"{value!r} is not an int")
            return self.kind(value)
        if not isinstance(value, self.kind):
            raise TypeError(
                f"{value!r} of type {type(value).__name__} is not a {getattr(self.kind, '__name__', self.kind)}"
            )
        return value


class _Bool(Serializer):
    def from_text(self, text: str) -> bool:
        return text == "True"


class _Path(Serializer):
    def check(self, value: Any) -> Any:
        if not isinstance(value, str | pathlib.PurePath):
            raise TypeError(f"{value!r} is not a path")
        return self.kind(value)


class _Enum(Serializer):
    def to_text(self, value: Any) -> str:
        return value.name

    def from_text(self, text: str) -> Any:
        return self.kind[text]


class _Node(Serializer):
    def is_in(self, node: Any, name: str) -> bool:
        return node.GetNodeReferenceID(name) is not None

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)

    def remove(self, node: Any, name: str) -> None:
        node.SetNodeReferenceID(name, None)

    def check(self, value: Any) -> Any:
        kinds = tuple(member for member in union_members(self.kind) if member is not type(None)) or (self.kind,)
        if value is not None and not isinstance(value, kinds):
            raise TypeError(f"{value!r} is not a node of type {[kind.__name__ for kind in kinds]}")
        return value


class _Range(Serializer):
    def to_text(self, value: Any) -> str:
        return f"{value.minimum},{value.maximum}"

    def from_text(self, text: str) -> Any:
        return FloatRange(*(float(part) for part in text.split(",")))


class _Color(Serializer):
    def to_text(self, value: Any) -> str:
        return ",".join(str(part) for part in (value.red(), value.green(), value.blue(), value.alpha()))

    def from_text(self, text: str) -> Any:
        return self.kind(*(int(part) for part in text.split(",")))


class _List(Serializer):
    def __init__(self, kind: Any) -> None:
        super().__init__(kind)
        self.item = serializer_for(typing.get_args(kind)[0])

    def is_in(self, node: Any, name: str) -> bool:
        return node.HasParameter(f"{name}.len")

    def write(self, node: Any, name: str, value: Any) -> None:
        before = int(node.GetParameter(f"{name}.len") or 0)
        for index in range(len(value), before):
            self.item.remove(node, f"{name}.{index}")
        for index, item in enumerate(value):
            self.item.write(node, f"{name}.{index}", item)
        node.SetParameter(f"{name}.len", str(len(value)))

    def read(self, node: Any, name: str) -> Any:
        count = int(node.GetParameter(f"{name}.len") or 0)
        values = [self.item.read(node, f"{name}.{index}") for index in range(count)]
        return ObservedList(values, lambda changed: self.write(node, name, self.check(changed)))

    def remove(self, node: Any, name: str) -> None:
        self.write(node, name, [])
        node.UnsetParameter(f"{name}.len")

    def check(self, value: Any) -> Any:
        if not isinstance(value, list | tuple | ObservedList):
            raise TypeError(f"{value!r} is not a list")
        return [self.item.check(item) for item in value]


class _Tuple(Serializer):
    def __init__(self, kind: Any) -> None:
        super().__init__(kind)
        self.items = [serializer_for(item) for item in typing.get_args(kind)]

    def is_in(self, node: Any, name: str) -> bool:
        return all(item.is_in(node, f"{name}.{index}") for index, item in enumerate(self.items))

    def write(self, node: Any, name: str, value: Any) -> None:
        for index, item in enumerate(self.items):
            item.write(node, f"{name}.{index}", value[index])

    def read(self, node: Any, name: str) -> Any:
        return tuple(item.read(node, f"{name}.{index}") for index, item in enumerate(self.items))

    def check(self, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(self.items):
            raise TypeError(f"{value!r} is not a tuple of {len(self.items)}")
        return tuple(item.check(part) for item, part in zip(self.items, value, strict=True))


class _Dict(Serializer):
    def to_text(self, value: Any) -> str:
        return json.dumps([[key, item] for key, item in plain(value).items()])

    def read(self, node: Any, name: str) -> Any:
        values = dict(json.loads(node.GetParameter(name) or "[]"))
        return ObservedDict(values, lambda changed: self.write(node, name, dict(changed)))

    def check(self, value: Any) -> Any:
        if not isinstance(value, dict | ObservedDict):
            raise TypeError(f"{value!r} is not a dict")
        key, item = (serializer_for(kind) for kind in typing.get_args(self.kind))
        return {key.check(k): item.check(v) for k, v in value.items()}


class _Union(Serializer):
    def __init__(self, kind: Any) -> None:
        super().__init__(kind)
        self.members = [(m.__name__, serializer_for(m)) for m in union_members(kind) if m is not type(None)]
        self.optional = type(None) in union_members(kind)

    def is_in(self, node: Any, name: str) -> bool:
        return node.HasParameter(f"{name}.type")

    def write(self, node: Any, name: str, value: Any) -> None:
        for member_name, serializer in self.members:
            try:
                serializer.check(value)
            except TypeError:
                continue
            node.SetParameter(f"{name}.type", member_name)
            serializer.write(node, name, value)
            return
        node.SetParameter(f"{name}.type", "None")

    def read(self, node: Any, name: str) -> Any:
        stored = node.GetParameter(f"{name}.type")
        return next((s.read(node, name) for member_name, s in self.members if member_name == stored), None)

    def check(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        for _name, serializer in self.members:
            try:
                return serializer.check(value)
            except TypeError:
                continue
        raise TypeError(f"{value!r} is none of {self.kind}")


class _Any(Serializer):
    def to_text(self, value: Any) -> str:
        return json.dumps(plain(value))

    def from_text(self, text: str) -> Any:
        return json.loads(text)

    def check(self, value: Any) -> Any:
        return value


def serializer_for(annotation: Any) -> Any:
    """Return the serializer of a type.

    Raises:
        Exception: the wrapper does not support the type.
    """
    import qt

    from .packs import PackSerializer
    from .packs import isParameterPack

    kind, _extras = split_annotated(annotation)
    origin = typing.get_origin(kind)
    if kind is typing.Any:
        return _Any(kind)
    if is_node_class(kind):
        return _Node(kind)
    if union_members(kind):
        return _Union(kind)
    if origin in (list, tuple, dict):
        return {list: _List, tuple: _Tuple, dict: _Dict}[origin](kind)
    if isinstance(kind, type):
        if isParameterPack(kind):
            return PackSerializer(kind)
        for base, serializer in ((bool, _Bool), (enum.Enum, _Enum), (pathlib.PurePath, _Path), (FloatRange, _Range)):
            if issubclass(kind, base):
                return serializer(kind)
        if kind in (int, float, str):
            return Serializer(kind)
        if kind is qt.QColor:
            return _Color(kind)
    raise Exception(f"Unable to find serializer for {kind}")


def default_value(annotation: Any) -> Any:
    """Return the default that a type has by itself."""
    from .packs import isParameterPack

    kind, extras = split_annotated(annotation)
    for extra in extras:
        if isinstance(extra, Choice):
            return extra.choices[0]
        if isinstance(extra, RangeBounds):
            return FloatRange(extra.minimum, extra.maximum)
    if is_node_class(kind) or type(None) in union_members(kind) or kind is typing.Any:
        return None
    if union_members(kind):
        return default_value(union_members(kind)[0])
    origin = typing.get_origin(kind)
    if origin in (list, dict):
        return origin()
    if origin is tuple:
        return tuple(default_value(item) for item in typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if kind is FloatRange:
        return FloatRange(0.0, 0.0)
    if isParameterPack(kind):
        return kind()
    value = kind()
    for extra in extras:
        low = getattr(extra, "minimum", None) if isinstance(extra, WithinRange | Minimum) else None
        high = getattr(extra, "maximum", None) if isinstance(extra, WithinRange | Maximum) else None
        if low is not None and value < low:
            value = kind(low)
        if high is not None and value > high:
            value = kind(high)
    return value
