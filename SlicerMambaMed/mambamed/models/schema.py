"""The part of JSON Schema that the model card's schema uses, checked with the standard library alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["schema_problems"]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def schema_problems(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> list[str]:
    """Return every disagreement between a JSON value and a schema, each with the place where it is.

    Understands ``$ref`` within the schema, ``type``, ``enum``, ``const``, ``required``, ``properties``,
    ``additionalProperties``, ``items``, ``minItems``, ``maxItems``, ``minLength``, ``pattern``, ``minimum``,
    ``maximum`` and ``exclusiveMinimum``.
    """
    return list(_problems(value, schema, root or schema, "the card"))


def _problems(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> list[str]:
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        return _problems(value, target, root, place)
    allowed = schema.get("type")
    names = [allowed] if isinstance(allowed, str) else list(allowed or [])
    if names and not any(_is_of_type(value, name) for name in names):
        return [f"{place} is {_shown(value)}, expected {' or '.join(names)}"]
    found: list[str] = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{place} is {_shown(value)}, expected {_shown(schema['const'])}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place} is {_shown(value)}, expected one of {', '.join(map(str, schema['enum']))}")
    if isinstance(value, Mapping):
        found += _problems_of_object(value, schema, root, place)
    elif isinstance(value, list | tuple):
        found += _problems_of_array(value, schema, root, place)
    elif isinstance(value, str):
        found += _problems_of_text(value, schema, place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found += _problems_of_number(value, schema, place)
    return found


def _problems_of_object(
    value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], place: str
) -> list[str]:
    properties = schema.get("properties", {})
    found = [f"{place} lacks {name!r}" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        if name in properties:
            found += _problems(item, properties[name], root, f"{name} of {place}")
        elif schema.get("additionalProperties", True) is False:
            found.append(f"{place} has the unknown entry {name!r}")
    return found


def _problems_of_array(
    value: list[Any] | tuple[Any, ...], schema: Mapping[str, Any], root: Mapping[str, Any], place: str
) -> list[str]:
    found = []
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        found.append(f"{place} has {len(value)} entries")
    if "items" in schema:
        for index, item in enumerate(value):
            found += _problems(item, schema["items"], root, f"entry {index} of {place}")
    return found


def _problems_of_text(value: str, schema: Mapping[str, Any], place: str) -> list[str]:
    found = []
    if len(value) < schema.get("minLength", 0):
        found.append(f"{place} is empty")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{place} is {_shown(value)}, expected the pattern {schema['pattern']}")
    return found


def _problems_of_number(value: float, schema: Mapping[str, Any], place: str) -> list[str]:
    low, above, high = (schema.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
    if (
        (low is not None and value < low)
        or (above is not None and value <= above)
        or (high is not None and value > high)
    ):
        return [f"{place} is {value}, which is out of range"]
    return []


def _is_of_type(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
