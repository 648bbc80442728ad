"""The list of Python packages that the engine needs in Slicer's own Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RequiredPackage", "readRequirements"]


@dataclass(frozen=True)
class RequiredPackage:
    """One line of the requirements file.

    Attributes:
        name: name on the package index.
        requirement: name with the accepted versions, as pip reads it.
        sizeMb: size of the download, rounded.
    """

    name: str
    requirement: str
    sizeMb: float


def readRequirements(path: Path) -> list[RequiredPackage]:
    """Read a requirements file in which a comment line ``# <number> MB`` above a package gives its download size."""
    packages = []
    sizeMb = 0.0
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        size = re.fullmatch(r"#\s*([\d.]+)\s*MB.*", line)
        if size:
            sizeMb = float(size.group(1))
        elif line and not line.startswith("#"):
            name = re.match(r"[A-Za-z0-9._-]+", line).group(0)
            packages.append(RequiredPackage(name=name, requirement=line, sizeMb=sizeMb))
            sizeMb = 0.0
    return packages
