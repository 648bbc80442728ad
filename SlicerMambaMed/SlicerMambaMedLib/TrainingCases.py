"""Pairs of volumes and segmentations of the scene as a raw nnU-Net data set, with labels matched by terminology."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from SlicerMambaMedLib.NodeExport import exportVolume
from SlicerMambaMedLib.NodeExport import isVolumeUsable
from SlicerMambaMedLib.NrrdFile import writeNrrd
from SlicerMambaMedLib.SegmentationImport import segmentIds
from SlicerMambaMedLib.Terminology import terminologyOfEntry
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingRequest import ScenePair
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["TrainingLabel", "exportPairs", "findPairs", "labelsOfPairs", "problemsOfPairs"]

_UNSPECIFIC_CODES = ("85756007",)
"""Tissue: what Slicer gives a segment that nobody has named."""


@dataclass
class TrainingLabel:
    """One structure, whatever its segments are called in the cases.

    Attributes:
        key: what makes segments the same structure: their code, or their name where they have none.
        name: name of the first segment.
        color: red, green, blue, 0 to 255.
        terminology: as in a model card; empty without a code.
        segments: segment identifier by case.
    """

    key: str
    name: str
    color: tuple[int, int, int]
    terminology: dict[str, dict[str, str]]
    segments: dict[int, str] = field(default_factory=dict)


def findPairs(scene: Any) -> list[ScenePair]:
    """Return every segmentation of the scene with the volume that it was drawn on."""
    pairs = []
    for segmentation in slicer.util.getNodesByClass("vtkMRMLSegmentationNode", scene):
        volume = segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())
        if volume is not None and volume.IsA("vtkMRMLScalarVolumeNode") and segmentIds(segmentation):
            pairs.append(ScenePair(volume, segmentation))
    return pairs


def labelsOfPairs(pairs: Sequence[ScenePair]) -> list[TrainingLabel]:
    """Return the structures of all cases; segments with the same code are one, others by name."""
    labels: dict[str, TrainingLabel] = {}
    for number, pair in enumerate(pairs):
        for identifier in segmentIds(pair.segmentation):
            segment = pair.segmentation.GetSegmentation().GetSegment(identifier)
            terminology = _terminology(segment)
            key = _code(terminology) or segment.GetName().strip().lower()
            if key not in labels:
                color = tuple(round(255 * float(part)) for part in segment.GetColor())
                labels[key] = TrainingLabel(key, segment.GetName(), (color[0], color[1], color[2]), terminology)
            labels[key].segments.setdefault(number, identifier)
    names = [label.name for label in labels.values()]
    for label in labels.values():
        if names.count(label.name) > 1 or label.name.lower() == "background":
            label.name = f"{label.name} ({label.key})"
    return list(labels.values())


def problemsOfPairs(pairs: Sequence[ScenePair]) -> list[str]:
    """Return one sentence for everything that would spoil the training."""
    problems = []
    if not pairs:
        problems.append(_("Choose at least one pair of a volume and a segmentation of it."))
    for pair in pairs:
        problem = isVolumeUsable(pair.volume)
        if problem:
            problems.append(problem)
        if pair.segmentation is None or not segmentIds(pair.segmentation):
            name = pair.segmentation.GetName() if pair.segmentation is not None else pair.volume.GetName()
            problems.append(_('The segmentation "{name}" has no segments.').format(name=name))
    if len({id(pair.volume) for pair in pairs}) < len(pairs):
        problems.append(_("A volume is chosen more than once; each case needs one segmentation."))
    if problems:
        return problems
    for label in labelsOfPairs(pairs):
        lacking = [pair.volume.GetName() for number, pair in enumerate(pairs) if number not in label.segments]
        if lacking:
            text = _('"{label}" is not segmented in: {names}. It would be taken for background there.')
            problems.append(text.format(label=label.name, names=", ".join(lacking)))
    return problems


def exportPairs(pairs: Sequence[ScenePair], folder: Path) -> list[str]:
    """Write a raw nnU-Net data set (NRRD, exact geometry) and return warnings.

    Args:
        pairs: cases without problems.
        folder: new folder, named as nnU-Net wants it.
    """
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    labels = labelsOfPairs(pairs)
    warnings: list[str] = []
    names: set[str] = set()
    for number, pair in enumerate(pairs):
        name = _caseName(pair.volume.GetName(), names)
        exported = exportVolume(pair.volume, folder / "imagesTr" / f"{name}_0000.nrrd")
        warnings.extend(exported.warnings)
        array = _labelArray(pair, number, labels, warnings)
        writeNrrd(folder / "labelsTr" / f"{name}.nrrd", array, VolumeGeometry.ofVolumeNode(pair.volume))
    description = {
        "channel_names": {"0": "image"},
        "labels": {"background": 0, **{label.name: value for value, label in enumerate(labels, start=1)}},
        "numTraining": len(pairs),
        "file_ending": ".nrrd",
        "mambamed_labels": {
            label.name: {"color": list(label.color), "terminology": label.terminology} for label in labels
        },
    }
    (folder / "dataset.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    return warnings


def _labelArray(pair: ScenePair, number: int, labels: list[TrainingLabel], warnings: list[str]) -> np.ndarray:
    result: np.ndarray | None = None
    for value, label in enumerate(labels, start=1):
        if number not in label.segments:
            continue
        identifier = label.segments[number]
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(pair.segmentation, identifier, pair.volume) > 0
        if result is None:
            result = np.zeros(mask.shape, dtype=np.uint8)
        if np.any(result[mask]):
            text = _('Segments overlap in "{name}": where they do, "{label}" counts.')
            warnings.append(text.format(name=pair.segmentation.GetName(), label=label.name))
        result[mask] = value
    assert result is not None
    return result


def _caseName(name: str, taken: set[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "case"
    found, number = base, 2
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    taken.add(found)
    return found


def _terminology(segment: Any) -> dict[str, dict[str, str]]:
    """Return the terminology of a segment; empty if it has none, or one that says nothing."""
    found = terminologyOfEntry(segment)
    return {} if found.get("type", {}).get("code") in _UNSPECIFIC_CODES else found


def _code(terminology: dict[str, dict[str, str]]) -> str:
    """Return what tells structures apart: the codes of type, modifier, region and its modifier."""
    if not terminology:
        return ""
    parts = (terminology.get(name, {}) for name in ("type", "type_modifier", "region", "region_modifier"))
    return "/".join(f"{part['scheme']}:{part['code']}" for part in parts if part)
