"""The lists of scripts and resources in a module's CMakeLists.txt, as they must be for the files that are there.

``python Testing/extension/cmake_lists.py`` says what differs; with ``--write`` it brings the lists up to date.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

__all__ = ["REPOSITORY", "expected_lists", "module_folders", "read_lists", "write_lists"]

REPOSITORY = Path(__file__).resolve().parents[2]
_NOT_INSTALLED = {"CMakeLists.txt"}


def module_folders() -> list[Path]:
    """Return the folders of the extension's modules: those that the top-level CMakeLists.txt adds."""
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    return [REPOSITORY / name for name in re.findall(r"^add_subdirectory\((\w+)\)", text, re.MULTILINE)]


def expected_lists(folder: Path) -> tuple[list[str], list[str]]:
    """Return the scripts and the resources that a module's folder holds, relative to it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "."]
    try:
        listed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):  # a copy of the sources without git
        listed = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if "__pycache__" not in path.parts]
    files = sorted(name for name in set(listed) if (folder / name).is_file() and name not in _NOT_INSTALLED)
    scripts = [name for name in files if name.endswith(".py")]
    return scripts, [name for name in files if not name.endswith(".py")]


def read_lists(folder: Path) -> tuple[list[str], list[str]]:
    """Return the scripts and the resources that a module's CMakeLists.txt names."""
    text = (folder / "CMakeLists.txt").read_text(encoding="utf-8")
    return _read(text, "MODULE_PYTHON_SCRIPTS"), _read(text, "MODULE_PYTHON_RESOURCES")


def write_lists(folder: Path) -> None:
    """Write the lists between the marks of a module's CMakeLists.txt."""
    path = folder / "CMakeLists.txt"
    text = path.read_text(encoding="utf-8")
    scripts, resources = expected_lists(folder)
    for mark, variable, names in (
        ("scripts", "MODULE_PYTHON_SCRIPTS", scripts),
        ("resources", "MODULE_PYTHON_RESOURCES", resources),
    ):
        body = "\n".join([f"set({variable}", *(f"  {_quoted(name)}" for name in names), "  )"])
        pattern = rf"(# begin {mark}\n).*?(\n# end {mark})"
        text = re.sub(pattern, lambda match, body=body: match[1] + body + match[2], text, flags=re.DOTALL)
    path.write_text(text, encoding="utf-8")


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r"[\s();]", name) else name


def _read(text: str, variable: str) -> list[str]:
    match = re.search(rf"set\({variable}\s(.*?)\n\s*\)", text, re.DOTALL)
    return [name.strip().strip('"') for name in match[1].splitlines() if name.strip()] if match else []


def main(arguments: list[str]) -> int:
    """Compare or write; return 1 if something differs."""
    differs = False
    for folder in module_folders():
        if "--write" in arguments:
            write_lists(folder)
        for found, expected in zip(read_lists(folder), expected_lists(folder), strict=True):
            for name in sorted(set(found) ^ set(expected)):
                differs = True
                print(f"{folder.name}: {name} is {'not listed' if name in expected else 'listed but not there'}")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
