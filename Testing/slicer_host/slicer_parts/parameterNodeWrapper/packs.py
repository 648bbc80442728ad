"""``@parameterPack``: several parameters as one value."""

from __future__ import annotations

import typing
from typing import Any

from .annotations import Default
from .annotations import Validator

__all__ = ["PackSerializer", "isParameterPack", "pack_fields", "parameterPack"]


def isParameterPack(kind: Any) -> bool:
    """Tell whether a class (or an instance of it) is a parameter pack."""
    kind = kind if isinstance(kind, type) else type(kind)
    return "_parameterPackFields" in vars(kind)


def pack_fields(kind: type) -> dict[str, Any]:
    """Return name -> annotation of a pack."""
    return vars(kind)["_parameterPackFields"]


class PackSerializer:
    """Keeps each field of a pack under ``name.field``."""

    def __init__(self, kind: type) -> None:
        from .serializers import serializer_for

        self.kind = kind
        self.fields = {name: serializer_for(annotation) for name, annotation in pack_fields(kind).items()}

    def is_in(self, node: Any, name: str) -> bool:
        """Tell whether all fields are there."""
        return all(serializer.is_in(node, f"{name}.{field}") for field, serializer in self.fields.items())

    def write(self, node: Any, name: str, value: Any) -> None:
        """Write all fields."""
        modifying = node.StartModify()
        for field, serializer in self.fields.items():
            serializer.write(node, f"{name}.{field}", getattr(value, field))
        node.EndModify(modifying)

    def read(self, node: Any, name: str) -> Any:
        """Read a pack whose changes write themselves back."""
        values = {field: serializer.read(node, f"{name}.{field}") for field, serializer in self.fields.items()}
        pack = self.kind(**values)
        pack.__dict__["_on_change"] = lambda changed: self.write(node, name, changed)
        for field in self.fields:
            inner = pack.__dict__["_values"][field]
            if isParameterPack(inner):
                inner.__dict__["_on_change"] = lambda _changed, outer=pack: self.write(node, name, outer)
        return pack

    def remove(self, node: Any, name: str) -> None:
        """Forget all fields."""
        for field, serializer in self.fields.items():
            serializer.remove(node, f"{name}.{field}")

    def check(self, value: Any) -> Any:
        """Return the value if it is such a pack."""
        if not isinstance(value, self.kind):
            raise TypeError(f"{value!r} is not a {self.kind.__name__}")
        return value


def parameterPack(cls: type) -> type:
    """Class decorator: the annotated members become checked fields with defaults."""
    from .serializers import default_value
    from .serializers import serializer_for
    from .serializers import split_annotated

    fields = typing.get_type_hints(cls, include_extras=True)
    defaults: dict[str, Any] = {}
    for name, annotation in fields.items():
        _kind, extras = split_annotated(annotation)
        given = [extra for extra in extras if isinstance(extra, Default)]
        if name in vars(cls):
            defaults[name] = Default(vars(cls)[name])
        else:
            defaults[name] = given[0] if given else Default(generator=lambda a=annotation: default_value(a))

    def member(name: str, annotation: Any) -> property:
        _kind, extras = split_annotated(annotation)
        validators = [extra for extra in extras if isinstance(extra, Validator)]

        def read(self: Any) -> Any:
            return self.__dict__["_values"][name]

        def write(self: Any, value: Any) -> None:
            value = serializer_for(annotation).check(value)
            for validator in validators:
                validator.validate(value)
            self.__dict__["_values"][name] = value
            if self.__dict__.get("_on_change") is not None:
                self.__dict__["_on_change"](self)

        return property(read, write)

    def initialize(self: Any, *positional: Any, **named: Any) -> None:
        self.__dict__["_values"] = {}
        given = {**dict(zip(fields, positional, strict=False)), **named}
        unknown = set(given) - set(fields)
        if unknown or len(positional) > len(fields):
            raise TypeError(f"{cls.__name__} has no field {sorted(unknown)}")
        for name in fields:
            setattr(self, name, given[name] if name in given else defaults[name].value)

    def equal(self: Any, other: object) -> bool:
        return type(other) is type(self) and other.__dict__["_values"] == self.__dict__["_values"]

    for name, annotation in fields.items():
        setattr(cls, name, member(name, annotation))
    if "__init__" not in vars(cls):
        cls.__init__ = initialize  # type: ignore[misc]
    cls.__eq__ = equal  # type: ignore[method-assign,assignment]
    cls.__hash__ = None  # type: ignore[assignment]
    cls._parameterPackFields = fields  # type: ignore[attr-defined]
    return cls
