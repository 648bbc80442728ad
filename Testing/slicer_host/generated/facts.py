"""The API facts of one generated class, its bases included."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

__all__ = ["ClassFacts", "OwnProperty", "all_facts", "facts_of"]


@dataclass(frozen=True)
class OwnProperty:
    """One Q_PROPERTY of a ctk, qMRML or qSlicer class."""

    name: str
    type_name: str
    writable: bool
    notify: str

    @property
    def is_enum(self) -> bool:
        """Whether the value is an enum's number in Python."""
        known = ("bool", "int", "double", "float", "vtkIdType")
        return (self.type_name not in known and not self.type_name.startswith(("Q", "vtk"))) or (
            "::" in self.type_name and "<" not in self.type_name
        )


@dataclass
class ClassFacts:
    """Members that Python reaches in a class, joined with those of its bases."""

    name: str
    chain: list[str]
    properties: dict[str, OwnProperty] = field(default_factory=dict)
    signals: dict[str, list[str]] = field(default_factory=dict)
    methods: dict[str, list[str]] = field(default_factory=dict)
    enums: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    too_new: dict[str, str] = field(default_factory=dict)

    @property
    def signal_signatures(self) -> set[str]:
        """Every signal in Qt's signature form."""
        return {signature for signatures in self.signals.values() for signature in signatures}

    @property
    def qt_base(self) -> str:
        """The last class of the chain, one of Qt's own."""
        return self.chain[-1] if self.chain else "QObject"


@functools.lru_cache(maxsize=1)
def all_facts() -> dict[str, Any]:
    """Return the trimmed API facts as they stand in the file."""
    return json.loads((Path(__file__).parent.parent / "gui_api.json").read_text(encoding="utf-8"))


@functools.cache
def facts_of(name: str) -> ClassFacts | None:
    """Return the facts of one class, or None when there is no such class."""
    classes = all_facts()["classes"]
    if name not in classes:
        return None
    joined = ClassFacts(name, classes[name]["chain"])
    for base in [name, *joined.chain]:
        item = classes.get(base)
        if item is None:
            continue
        for key, (type_name, writable, notify) in item.get("properties", {}).items():
            joined.properties.setdefault(key, OwnProperty(key, type_name, bool(writable), notify))
        for kind, target in (("signals", joined.signals), ("methods", joined.methods)):
            for signature in item.get(kind, []):
                known = target.setdefault(signature.partition("(")[0], [])
                if signature not in known:
                    known.append(signature)
        for enum_name, values in item.get("enums", {}).items():
            joined.enums.setdefault(enum_name, [(key, value) for key, value in values])
        missing = item.get("not_in_oldest", [])
        if missing == "class absent":
            joined.too_new[""] = base
        else:
            joined.too_new.update({entry.partition(":")[2]: base for entry in missing})
    return joined
