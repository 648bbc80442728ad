"""Angle conventions and corners of rotated boxes."""

from __future__ import annotations

import math

import pytest
import torch
from mambamed.detection.geometry import boxes_to_corners
from mambamed.detection.geometry import corners_to_boxes
from mambamed.detection.geometry import rotated_iou_pairs
from mambamed.detection.geometry import to_convention
from mambamed.detection.geometry import wrap_angle
from mambamed.errors import BadRequestError

RANGES = {"le135": (-math.pi / 4, 3 * math.pi / 4), "le90": (-math.pi / 2, math.pi / 2)}
QUARTERS = torch.arange(-8, 9, dtype=torch.float64) * math.pi / 4


def _boxes(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Random boxes, boxes at every eighth of a turn, and some a hair beside them."""
    numbers = torch.rand(40, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    angles = torch.cat((numbers[:, 4] * 20 - 10, QUARTERS, QUARTERS + 1e-16, QUARTERS - 1e-16, QUARTERS + 1e-7))
    sides = 1 + 10 * numbers[torch.arange(len(angles)) % 40, 2:4]
    return torch.cat((numbers[torch.arange(len(angles)) % 40, :2] * 50, sides, angles[:, None]), dim=1).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("convention", ["le135", "le90", "oc"])
def test_a_convention_keeps_the_rectangle(convention: str, dtype: torch.dtype) -> None:
    boxes = _boxes(dtype)
    rewritten = to_convention(boxes, convention)
    assert (rotated_iou_pairs(boxes, rewritten) - 1).abs().max() < (1e-9 if dtype == torch.float64 else 1e-5)
    angle = rewritten[:, 4].double()
    rounding = 2 * torch.finfo(dtype).eps
    if convention == "oc":
        assert (angle > -rounding).all()
        assert (angle <= math.pi / 2 + rounding).all()
    else:
        low, high = RANGES[convention]
        assert (angle >= low - rounding).all()
        assert (angle < high + rounding).all()
        assert (rewritten[:, 2] >= rewritten[:, 3]).all()
    again = to_convention(rewritten, convention)
    assert (rotated_iou_pairs(again, rewritten) - 1).abs().max() < 1e-5


def test_known_angles() -> None:
    upright = torch.tensor([[3.0, 4.0, 2.0, 6.0, 0.0]], dtype=torch.float64)
    assert to_convention(upright, "le135")[0].tolist() == pytest.approx([3, 4, 6, 2, math.pi / 2])
    assert to_convention(upright, "le90")[0].tolist() == pytest.approx([3, 4, 6, 2, -math.pi / 2])
    assert to_convention(upright, "oc")[0].tolist() == pytest.approx([3, 4, 6, 2, math.pi / 2])
    steep = torch.tensor([[0.0, 0.0, 6.0, 2.0, -1.0]], dtype=torch.float64)
    assert to_convention(steep, "le135")[0].tolist() == pytest.approx([0, 0, 6, 2, math.pi - 1])
    assert to_convention(steep, "oc")[0].tolist() == pytest.approx([0, 0, 2, 6, math.pi / 2 - 1])


@pytest.mark.parametrize("convention", ["le135", "le90"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_wrapping_turns_by_half_turns(convention: str, dtype: torch.dtype) -> None:
    angle = _boxes(dtype)[:, 4].requires_grad_()
    wrapped = wrap_angle(angle, convention)
    low, high = RANGES[convention]
    assert (wrapped >= low).all()
    assert (wrapped < high).all()
    turns = ((wrapped - angle) / math.pi).detach()
    assert (turns - turns.round()).abs().max() < 1e-5
    wrapped.sum().backward()
    assert torch.equal(angle.grad, torch.ones_like(angle))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_corners_there_and_back(dtype: torch.dtype) -> None:
    boxes = _boxes(dtype)
    tolerance = 1e-9 if dtype == torch.float64 else 2e-5
    order = torch.tensor([[0, 1, 2, 3], [2, 3, 0, 1], [3, 2, 1, 0], [0, 2, 1, 3]])
    for indices in order:
        back = corners_to_boxes(boxes_to_corners(boxes)[:, indices])
        assert (rotated_iou_pairs(boxes, back) - 1).abs().max() < tolerance
        assert (back[:, :4] - to_convention(boxes, "le135")[:, :4]).abs().max() < 100 * tolerance


def test_corners_of_a_plain_box() -> None:
    corners = boxes_to_corners(torch.tensor([10.0, 20.0, 4.0, 2.0, 0.0]))
    assert corners.tolist() == [[8, 19], [12, 19], [12, 21], [8, 21]]
    turned = boxes_to_corners(torch.tensor([10.0, 20.0, 4.0, 2.0, math.pi / 2], dtype=torch.float64))
    expected = torch.tensor([[11, 18], [11, 22], [9, 22], [9, 18]], dtype=torch.float64)
    torch.testing.assert_close(turned, expected)


def test_the_rectangle_around_a_quadrilateral_is_the_smallest() -> None:
    corners = torch.rand(30, 4, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 20
    boxes = corners_to_boxes(corners)
    offset = corners - boxes[:, None, :2]
    cosine, sine = torch.cos(boxes[:, 4:]), torch.sin(boxes[:, 4:])
    along, across = offset[..., 0] * cosine + offset[..., 1] * sine, offset[..., 1] * cosine - offset[..., 0] * sine
    assert (along.abs() <= boxes[:, 2:3] / 2 + 1e-9).all()
    assert (across.abs() <= boxes[:, 3:4] / 2 + 1e-9).all()
    angles = torch.linspace(0, math.pi, 2001, dtype=torch.float64)[:, None, None]
    x = corners[..., 0] * angles.cos() + corners[..., 1] * angles.sin()
    y = corners[..., 1] * angles.cos() - corners[..., 0] * angles.sin()
    areas = (x.amax(-1) - x.amin(-1)) * (y.amax(-1) - y.amin(-1))
    assert (boxes[:, 2] * boxes[:, 3] <= areas.amin(dim=0) * (1 + 1e-4)).all()


def test_points_on_a_line_or_all_alike() -> None:
    line = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [3.0, 3.0], [2.0, 2.0]]], dtype=torch.float64)
    box = corners_to_boxes(line)[0]
    assert box.tolist() == pytest.approx([1.5, 1.5, 3 * math.sqrt(2), 0, math.pi / 4], abs=1e-9)
    assert corners_to_boxes(torch.full((4, 2), 7.0)).tolist() == [7, 7, 0, 0, 0]


def test_wrong_input_is_refused() -> None:
    boxes = torch.rand(3, 5)
    with pytest.raises(BadRequestError, match="le135"):
        to_convention(boxes, "le180")
    with pytest.raises(BadRequestError, match="le90"):
        wrap_angle(boxes[:, 4], "oc")
    with pytest.raises(BadRequestError, match="boxes"):
        boxes_to_corners(torch.rand(3, 4))
    with pytest.raises(BadRequestError, match="corners"):
        corners_to_boxes(torch.rand(3, 8))
