"""The run record as a text node of the scene: what was done, with which nodes, so that it can be done again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from SlicerMambaMedLib.Text import tr as _

__all__ = [
    "RECORD_ATTRIBUTE",
    "createRecordNode",
    "inputNodesOfRecord",
    "readRecord",
    "recordOfResult",
    "regionNodeOfRecord",
    "resultNodes",
]

RECORD_ATTRIBUTE = "MambaMed.RecordOfTask"
_INPUT_ROLE = "mambamedInput"
_REGION_ROLE = "mambamedRegion"
_RESULT_ROLE = "mambamedResult"


def createRecordNode(
    scene: Any, name: str, record: dict[str, Any], inputs: Sequence[Any], region: Any | None, results: Sequence[Any]
) -> Any:
    """Add a text node with the record as JSON; it refers to the inputs, the region and the results of the run."""
    node = scene.CreateNodeByClass("vtkMRMLTextNode")
    node.UnRegister(None)
    node.SetName(name)
    # Plain ASCII (other letters as escapes): the node's encoding then does not matter.
    node.SetText(json.dumps(record, indent=2, ensure_ascii=True))
    # Before the node enters the scene: selectors look at the attribute when they are told of a new node.
    node.SetAttribute(RECORD_ATTRIBUTE, str(record.get("task", "")))
    node = scene.AddNode(node)
    wasModifying = node.StartModify()  # a run may have some hundred results
    for role, others in ((_INPUT_ROLE, inputs), (_REGION_ROLE, [region]), (_RESULT_ROLE, results)):
        for other in others:
            if other is not None:
                node.AddNodeReferenceID(role, other.GetID())
    node.EndModify(wasModifying)
    return node


def readRecord(node: Any) -> dict[str, Any]:
    """Return the record that a text node holds.

    Raises:
        ValueError: the node holds no run record.
    """
    try:
        record = json.loads(node.GetText() or "")
    except ValueError as error:
        raise ValueError(_('The text "{name}" is not a run record of MambaMed.').format(name=node.GetName())) from error
    if not isinstance(record, dict) or "settings" not in record or "task" not in record:
        raise ValueError(_('The text "{name}" is not a run record of MambaMed.').format(name=node.GetName()))
    return record


def inputNodesOfRecord(node: Any) -> list[Any]:
    """Return the input volumes of the recorded run, in order.

    Raises:
        ValueError: one of them is no longer in the scene.
    """
    expected = len(readRecord(node).get("inputs", []))
    nodes = _references(node, _INPUT_ROLE)
    if len(nodes) < max(1, expected):
        raise ValueError(
            _(
                "{found} of the {expected} input volumes of this run are still in the scene. "
                "Load the missing ones and choose them under Inputs."
            ).format(found=len(nodes), expected=expected)
        )
    return nodes


def regionNodeOfRecord(node: Any) -> Any | None:
    """Return the region (ROI) node of the recorded run, if it had one and it still exists."""
    return node.GetNodeReference(_REGION_ROLE)


def resultNodes(node: Any) -> list[Any]:
    """Return the nodes that the recorded run has made and that are still in the scene."""
    return _references(node, _RESULT_ROLE)


def recordOfResult(result: Any) -> Any | None:
    """Return the latest record node whose run has made this node, or None."""
    scene = result.GetScene()
    if scene is None:
        return None
    found = None
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLTextNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLTextNode")
        if node.GetAttribute(RECORD_ATTRIBUTE) and any(other is result for other in resultNodes(node)):
            found = node
    return found


def _references(node: Any, role: str) -> list[Any]:
    others = [node.GetNthNodeReference(role, index) for index in range(node.GetNumberOfNodeReferences(role))]
    return [other for other in others if other is not None]
