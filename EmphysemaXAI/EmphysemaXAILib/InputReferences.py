"""Which node of the scene was which input of a recorded run."""

from __future__ import annotations

from typing import Any

__all__ = ["inputNode", "referToInputs"]

_ROLE = "mambamedEmphysema."


def referToInputs(recordNode: Any, request: Any) -> None:
    """Let a record node refer to the inputs of its run, each by its role (``ct``, ``lungs``, ...)."""
    nodes = {
        "ct": request.ct,
        "lungs": request.lungs,
        "previous_ct": request.previous,
        "previous_lungs": request.previousLungs,
        "expert": request.expert,
    }
    for role, node in nodes.items():
        if node is not None:
            recordNode.SetNodeReferenceID(_ROLE + role, node.GetID())


def inputNode(recordNode: Any, role: str) -> Any | None:
    """Return the input of a role, or None when the run had none or it is gone."""
    return recordNode.GetNodeReference(_ROLE + role)
