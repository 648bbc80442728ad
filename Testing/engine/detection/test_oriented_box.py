"""The value of one oriented object."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError

import pytest
import torch
from mambamed.detection import OrientedBox
from mambamed.detection.geometry import boxes_to_corners
from mambamed.detection.geometry import to_convention
from mambamed.errors import BadRequestError

BOX = OrientedBox(10.0, 20.0, 4.0, 9.0, 2.9, "vessel", 0.75)


def _numbers(box: OrientedBox) -> torch.Tensor:
    return torch.tensor([box.cx, box.cy, box.w, box.h, box.angle_rad], dtype=torch.float64)


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.0, 2.9, 7.7, -math.pi / 4, 3 * math.pi / 4, -math.pi / 4 - 1e-17])
@pytest.mark.parametrize("sides", [(4.0, 9.0), (9.0, 4.0)])
def test_the_same_as_in_tensors(angle: float, sides: tuple[float, float]) -> None:
    box = OrientedBox(1.0, 2.0, *sides, angle, "needle")
    torch.testing.assert_close(torch.tensor(box.corners(), dtype=torch.float64), boxes_to_corners(_numbers(box)))
    turned = box.in_le135()
    assert -math.pi / 4 <= turned.angle_rad < 3 * math.pi / 4
    assert (turned.w, turned.h, turned.label) == (9.0, 4.0, "needle")
    expected = to_convention(_numbers(box), "le135")
    assert math.cos(2 * (turned.angle_rad - expected[4].item())) == pytest.approx(1)


def test_measures_and_json() -> None:
    assert (BOX.length, BOX.width, BOX.area) == (9.0, 4.0, 36.0)
    assert OrientedBox.from_json(json.loads(json.dumps(BOX.to_json()))) == BOX
    fields = BOX.to_json()
    del fields["score"]
    assert OrientedBox.from_json(fields).score == 1.0
    with pytest.raises(FrozenInstanceError):
        BOX.cx = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"w": -1.0},
        {"h": math.nan},
        {"cx": math.inf},
        {"angle_rad": "0"},
        {"score": 1.2},
        {"label": 3},
        {"cy": True},
        {"colour": "red"},
    ],
)
def test_impossible_boxes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadRequestError, match="oriented box"):
        OrientedBox.from_json({**BOX.to_json(), **change})


def test_a_missing_field_is_named() -> None:
    fields = BOX.to_json()
    del fields["angle_rad"]
    with pytest.raises(BadRequestError, match="lacks angle_rad"):
        OrientedBox.from_json(fields)
