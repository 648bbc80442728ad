"""Stand-in for ``slicer.packaging`` (5.12): checks are real, installing only asks and writes down what it was asked."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

__all__ = [
    "installed_by_tests",
    "isPipInstallInProgress",
    "load_pyproject_dependencies",
    "load_requirements",
    "missing_for_tests",
    "pip_check",
    "pip_ensure",
    "pip_install",
    "pip_uninstall",
    "requests_made",
]

requests_made: list[dict[str, Any]] = []
"""Every call that would have installed or removed something: {"call": name, "requirements": [...], ...}."""

missing_for_tests: set[str] = set()
"""Names of packages that are to look absent."""

installed_by_tests: set[str] = set()
"""Names that pip_install 'installed': they no longer look absent."""


def _as_list(requirements: Any) -> list[str]:
    if isinstance(requirements, str):
        return requirements.split()
    if isinstance(requirements, Requirement):
        return [str(requirements)]
    return [str(item) for item in requirements]


def load_requirements(path: Any) -> list[Requirement]:
    """Read a requirements file."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def load_pyproject_dependencies(path: Any) -> list[Requirement]:
    """Read ``project.dependencies``."""
    import tomllib

    return [
        Requirement(item)
        for item in tomllib.loads(Path(path).read_text(encoding="utf-8"))["project"].get("dependencies", [])
    ]


def _check_one(text: str) -> bool:
    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.name in missing_for_tests - installed_by_tests:
        return False
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def pip_check(req: Any) -> bool:
    """Tell whether a requirement (or all of a list) is met; no subprocess."""
    items = [req] if isinstance(req, str | Requirement) else req
    return all(_check_one(str(item)) for item in items)


def pip_ensure(
    requirements: Any,
    constraints: Any = None,
    skip_packages: Iterable[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> None:
    """Ask, then install what is missing.

    Raises:
        RuntimeError: the user declined.
    """
    import slicer

    missing = [str(item) for item in _as_list(requirements) if not _check_one(str(item))]
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return
    text = f"{requester or 'This module'} needs these Python packages: {', '.join(missing)}. Install them now?"
    if prompt_install and not slicer.util.confirmOkCancelDisplay(text, "Install Python packages"):
        raise RuntimeError("Package installation was declined by the user.")
    pip_install(missing, constraints=constraints, skip_packages=skip_packages, requester=requester)


def pip_install(
    requirements: Any,
    constraints: Any = None,
    no_deps_requirements: Any = None,
    skip_packages: Iterable[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,
    requester: str | None = None,
    logCallback: Any = None,
    completedCallback: Any = None,
) -> None:
    """Write down what would be installed."""
    items = _as_list(requirements)
    requests_made.append(
        {
            "call": "pip_install",
            "requirements": items,
            "constraints": constraints,
            "no_deps_requirements": _as_list(no_deps_requirements or []),
            "skip_packages": list(skip_packages or []),
            "requester": requester,
        }
    )
    for item in items:
        if not item.startswith("-") and "/" not in item:
            installed_by_tests.add(Requirement(item).name)
    if logCallback is not None:
        logCallback(f"Would install {', '.join(items)}")
    if completedCallback is not None:
        completedCallback(0)


def pip_uninstall(requirements: Any, **_more: Any) -> None:
    """Write down what would be removed."""
    requests_made.append({"call": "pip_uninstall", "requirements": _as_list(requirements)})


def isPipInstallInProgress() -> bool:
    """Nothing is ever under way here."""
    return False
