"""The files of a pair to nodes of the scene, for batches."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer
from SlicerMambaMedLib.CaseReader import loadCaseImage
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeFile import readVolumeFile

from DISARegistrationLib.TransformFile import readTransformFile

__all__ = ["loadPair"]


def loadPair(files: Mapping[str, Path], scene: Any, name: str) -> dict[str, Any]:
    """Add the nodes of a pair and return them by the names that a ``RegistrationRequest`` gives them.

    Args:
        files: path by the engine's name of the input (``fixed``, ``moving-mask``, ``initial-transform``, ...).
        scene: where the nodes go.
        name: of the case.

    Raises:
        ValueError: a file is missing or cannot be read as what it should be.
    """
    nodes = {role: loadCaseImage(files[role], scene, f"{name} {role}") for role in ("fixed", "moving")}
    for role, argument in (("fixed-mask", "fixedMask"), ("moving-mask", "movingMask")):
        if role in files:
            node = slicer.vtkMRMLLabelMapVolumeNode()
            node.SetName(f"{name} {role}")
            nodes[argument] = scene.AddNode(readVolumeFile(files[role], node))
    if "initial-transform" in files:
        nodes["initialTransform"] = scene.AddNode(readTransformFile(files["initial-transform"], f"{name} start"))
    for role, argument in (("fixed-landmarks", "fixedLandmarks"), ("moving-landmarks", "movingLandmarks")):
        if role in files:
            nodes[argument] = _loadPoints(files[role], scene, f"{name} {role}")
    return nodes


def _loadPoints(path: Path, scene: Any, name: str) -> Any:
    """Add a markups node with the points of a file of Slicer (.mrk.json, .fcsv) or a table x,y,z in LPS mm (.csv)."""
    if not path.is_file():
        raise ValueError(_("The landmarks {path} do not exist.").format(path=path))
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    if path.suffix.lower() == ".csv":
        for x, y, z in _readTable(path):
            node.AddControlPoint((-x, -y, z))
        return node
    isJson = path.suffix.lower() == ".json"
    storage = slicer.vtkMRMLMarkupsJsonStorageNode() if isJson else slicer.vtkMRMLMarkupsFiducialStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        text = _("The landmarks {path} cannot be read; .mrk.json, .fcsv or a .csv with x,y,z (LPS, mm) is expected.")
        raise ValueError(text.format(path=path))
    return node


def _readTable(path: Path) -> list[tuple[float, float, float]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = [row for row in csv.reader(stream) if any(cell.strip() for cell in row)]
    points = []
    for number, row in enumerate(rows):
        try:
            x, y, z = (float(cell) for cell in row[:3])
        except ValueError as error:
            if number == 0:
                continue  # the header
            text = _("Line {number} of {path} is not a point: three numbers x,y,z (LPS, mm) are expected.")
            raise ValueError(text.format(number=number + 1, path=path)) from error
        points.append((x, y, z))
    return points
