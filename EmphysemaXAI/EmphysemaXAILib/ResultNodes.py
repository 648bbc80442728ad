"""What belongs to a result: its nodes by their roles, found through the run record."""

from __future__ import annotations

from typing import Any

from SlicerMambaMedLib.RunRecordNode import resultNodes

__all__ = ["MAP_PREFIX", "ROLE_ATTRIBUTE", "nodesByRole", "setRole"]

ROLE_ATTRIBUTE = "MambaMed.EmphysemaRole"
MAP_PREFIX = "explanation:"


def setRole(node: Any, role: str) -> Any:
    """Note the role of a node (name of the engine's output, such as ``patterns``) and return the node."""
    node.SetAttribute(ROLE_ATTRIBUTE, role)
    return node


def nodesByRole(recordNode: Any | None) -> dict[str, Any]:
    """Return the nodes of a result that are still in the scene, by role."""
    if recordNode is None:
        return {}
    found = {node.GetAttribute(ROLE_ATTRIBUTE): node for node in resultNodes(recordNode)}
    return {role: node for role, node in found.items() if role}
