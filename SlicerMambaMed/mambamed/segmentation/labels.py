"""The labels of a model: their value in the label map, name, colour and terminology."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.models.colours import colour_of_label

__all__ = ["SegmentationLabel", "choose_labels", "labels_of_dataset"]


@dataclass(frozen=True)
class SegmentationLabel:
    """One label of the result.

    Attributes:
        value: Voxel value in the label map (never 0).
        name: Name as the data set gives it.
        channel: Channel of the network's output that decides about it.
        color: Red, green, blue, 0 to 255.
        terminology: Coded meaning (for example SNOMED CT) as the model card gives it; empty if unknown.
    """

    value: int
    name: str
    channel: int
    color: tuple[int, int, int]
    terminology: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what the run record says about the label."""
        return {"value": self.value, "name": self.name, "color": list(self.color), "terminology": self.terminology}


def labels_of_dataset(
    dataset: Mapping[str, Any], card_labels: Sequence[Mapping[str, Any]] = ()
) -> tuple[SegmentationLabel, ...]:
    """List the labels that a model can write, background and ignore label left out.

    With ordinary labels the output channels are the sorted label values (background first). With regions, channel i is
    the i-th region of the data set (background left out) and is written with the i-th value of
    ``regions_class_order``, later ones over earlier ones.

    Args:
        dataset: Content of ``dataset.json``.
        card_labels: Labels of the model card with ``value``, ``name``, ``color``, ``terminology``.

    Returns:
        Labels in the order of their channels.
    """
    entries: dict[str, Any] = {name: value for name, value in dataset["labels"].items() if name != "ignore"}
    order = dataset.get("regions_class_order")
    by_regions = any(isinstance(value, (list, tuple)) and len(value) > 1 for value in entries.values())
    result = []
    if by_regions:
        regions = [(name, value) for name, value in entries.items() if _values(value) != {0}]
        if order is None or len(order) != len(regions):
            raise BadRequestError(
                f"The model has {len(regions)} regions and {len(order or [])} entries in regions_class_order, expected "
                "as many; correct dataset.json of the model."
            )
        for channel, ((name, _), value) in enumerate(zip(regions, order, strict=True)):
            result.append(_label(int(value), name, channel, card_labels))
    else:
        values = sorted({number for value in entries.values() for number in _values(value)})
        for name, value in entries.items():
            number = min(_values(value))
            if number != 0:
                result.append(_label(number, name, values.index(number), card_labels))
        result.sort(key=lambda label: label.channel)
    return tuple(result)


def _values(value: Any) -> set[int]:
    return {int(item) for item in value} if isinstance(value, (list, tuple)) else {int(value)}


def _label(value: int, name: str, channel: int, card_labels: Sequence[Mapping[str, Any]]) -> SegmentationLabel:
    colour: Sequence[int] = colour_of_label(value)
    terminology: dict[str, Any] = {}
    for entry in card_labels:
        if entry.get("value") == value:
            name = str(entry.get("name") or name)
            colour = entry.get("color") or colour
            terminology = dict(entry.get("terminology") or {})
    return SegmentationLabel(value, name, channel, (int(colour[0]), int(colour[1]), int(colour[2])), terminology)


def choose_labels(labels: Sequence[SegmentationLabel], names: Sequence[str] | None) -> tuple[SegmentationLabel, ...]:
    """Keep the labels with these names.

    Args:
        labels: All labels of the model.
        names: Names to keep, in any case; None keeps all.

    Raises:
        BadRequestError: A name that the model does not have.
    """
    if names is None:
        return tuple(labels)
    known = {label.name.casefold() for label in labels}
    wanted = {name.casefold() for name in names}
    unknown = [name for name in names if name.casefold() not in known]
    if unknown:
        raise BadRequestError(
            f"The model has no label {', '.join(unknown)}; it has {', '.join(label.name for label in labels)}."
        )
    return tuple(label for label in labels if label.name.casefold() in wanted)
