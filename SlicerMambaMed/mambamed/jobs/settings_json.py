"""Settings that are one frozen dataclass, as JSON in a job request and back. Standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from mambamed.errors import BadRequestError

__all__ = ["settings_from_json", "settings_to_json"]

Settings = TypeVar("Settings")


def settings_to_json(settings: Any) -> dict[str, Any]:
    """Return the plain values of a settings dataclass by name; tuples become lists."""
    values = dataclasses.asdict(settings)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def settings_from_json(kind: type[Settings], values: Mapping[str, Any], what: str) -> Settings:
    """Read what ``settings_to_json`` gave.

    Args:
        kind: the settings dataclass.
        values: its plain values; what is missing has the default.
        what: what is set, for messages: "severity training".

    Raises:
        BadRequestError: unknown names or values of another kind.
    """
    unknown = sorted(set(values) - {field.name for field in dataclasses.fields(kind)})  # type: ignore[arg-type]
    if unknown:
        raise BadRequestError(f"Unknown settings of a {what}: {', '.join(unknown)}.")
    try:
        return kind(**values)
    except TypeError as error:
        raise BadRequestError(f"A setting of the {what} has the wrong type ({error}).") from error
