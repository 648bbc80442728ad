"""What a user reads goes through the translation function, in the form that Slicer's tools find."""

from __future__ import annotations

import ast

import pytest

from extension.cmake_lists import REPOSITORY
from extension.cmake_lists import module_folders

FILES = [
    path
    for folder in module_folders()
    for path in [folder / f"{folder.name}.py", *sorted((folder / f"{folder.name}Lib").glob("*.py"))]
]
SHOWN = {"text", "toolTip", "placeholderText", "title", "accessibleName"}
RAISED = {"ValueError", "RuntimeError"}


def _is_sentence(node: ast.AST) -> bool:
    """Whether this is a literal with at least one word of letters."""
    if isinstance(node, ast.JoinedStr):
        return any(_is_sentence(value) for value in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value))


def _fault(node: ast.AST) -> str:
    """Return what is wrong with a piece of code, or an empty text."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
        is_literal = bool(node.args) and isinstance(node.args[0], ast.Constant)
        return "" if is_literal else "only a plain literal can be found for translation"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
        is_shown = node.targets[0].attr in SHOWN and _is_sentence(node.value)
        return "an untranslated text is shown" if is_shown else ""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
        is_literal = getattr(node.exc.func, "id", "") in RAISED and _is_sentence(node.exc.args[0])
        return "an untranslated error" if is_literal else ""
    return ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_literals_reach_the_user_only_translated(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    faults = []
    for node in ast.walk(tree):
        fault = _fault(node)
        if fault:
            faults.append((node.lineno, fault))
    assert not faults, [f"{path.relative_to(REPOSITORY)}:{line}: {what}" for line, what in faults]
