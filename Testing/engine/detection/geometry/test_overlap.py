"""Overlap of rotated boxes against a slow polygon computation, and the loss made of it."""

from __future__ import annotations

import math

import pytest
import torch
from mambamed.detection.geometry import boxes_to_corners
from mambamed.detection.geometry import rotated_iou
from mambamed.detection.geometry import rotated_iou_loss
from mambamed.detection.geometry import rotated_iou_pairs
from mambamed.errors import BadRequestError

Point = tuple[float, float]

# Each pair and its overlap, by hand where it can be seen.
NAMED_PAIRS = {
    "identical": ([5, 5, 4, 2, 0.3], [5, 5, 4, 2, 0.3], 1.0),
    "identical, half a turn": ([5, 5, 4, 2, 0.3], [5, 5, 4, 2, 0.3 + math.pi], 1.0),
    "identical, sides exchanged": ([5, 5, 4, 2, 0.3], [5, 5, 2, 4, 0.3 + math.pi / 2], 1.0),
    "nested, same axes": ([5, 5, 4, 4, 0.0], [5, 5, 2, 2, 0.0], 0.25),
    "nested, turned": ([5, 5, 8, 8, 0.2], [5.5, 4.5, 2, 1, 1.1], 2 / 64),
    "nested, sharing a corner": ([2, 2, 4, 4, 0.0], [1, 1, 2, 2, 0.0], 0.25),
    "nested, sharing an edge": ([0, 0, 4, 4, 0.0], [0, 1, 4, 2, 0.0], 0.5),
    "inscribed diamond": ([0, 0, 2, 2, 0.0], [0, 0, math.sqrt(2), math.sqrt(2), math.pi / 4], 0.5),
    "touching along an edge": ([0, 0, 2, 2, 0.0], [2, 0, 2, 2, 0.0], 0.0),
    "touching along a turned edge": ([0, 0, 2, 2, 0.7], [2 * math.cos(0.7), 2 * math.sin(0.7), 2, 2, 0.7], 0.0),
    "touching at a corner": ([0, 0, 2, 2, 0.0], [2, 2, 2, 2, 0.0], 0.0),
    "a corner on an edge": ([0, 0, 2, 2, 0.0], [1 + math.sqrt(2), 0, 2, 2, math.pi / 4], 0.0),
    "apart": ([0, 0, 2, 2, 0.1], [50, 20, 2, 2, 0.9], 0.0),
    "apart above": ([0, 0, 200, 2, 0.0], [0, 50, 2, 2, 0.9], 0.0),
    "a cross": ([0, 0, 10, 1, 0.0], [0, 0, 10, 1, math.pi / 2], 1 / 19),
    "almost parallel": ([0, 0, 10, 2, 0.0], [0, 0, 10, 2, 1e-9], 1.0),
    "half shifted": (
        [0, 0, 4, 2, math.pi / 3],
        [2 * math.cos(math.pi / 3), 2 * math.sin(math.pi / 3), 4, 2, math.pi / 3],
        1 / 3,
    ),
    "no width": ([0, 0, 0, 2, 0.4], [0, 0, 3, 2, 0.4], 0.0),
    "no extent, identical": ([0, 0, 0, 0, 0.4], [0, 0, 0, 0, 0.4], 0.0),
    "negative side": ([0, 0, -2, 2, 0.4], [0, 0, 3, 2, 0.4], 0.0),
    "needle in a field": ([0, 0, 1000, 1000, 0.3], [100, 50, 40, 1e-3, 1.0], 0.04 / 1e6),
}


def _clip(polygon: list[Point], start: Point, end: Point) -> list[Point]:
    """Cut a polygon to the side of a line that lies to its left (Sutherland and Hodgman)."""

    def side(point: Point) -> float:
        return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])

    result: list[Point] = []
    for before, here in zip(polygon[-1:] + polygon[:-1], polygon, strict=True):
        last, now = side(before), side(here)
        if (last < 0) != (now < 0):
            share = last / (last - now)
            result.append((before[0] + share * (here[0] - before[0]), before[1] + share * (here[1] - before[1])))
        if now >= 0:
            result.append(here)
    return result


def _area(polygon: list[Point]) -> float:
    following = polygon[1:] + polygon[:1]
    return 0.5 * sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(polygon, following, strict=True))


def _slow_iou(first: list[float], second: list[float]) -> float:
    def polygon(box: list[float]) -> list[Point]:
        cx, cy, w, h, angle = box
        halves = ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
        cosine, sine = math.cos(angle), math.sin(angle)
        # relative to the first box: large coordinates would spoil the shoelace formula, not the result under test
        x0, y0 = cx - first[0], cy - first[1]
        return [(x0 + x * cosine - y * sine, y0 + x * sine + y * cosine) for x, y in halves]

    if min(*first[2:4], *second[2:4]) <= 0:
        return 0.0
    common, other = polygon(first), polygon(second)
    for start, end in zip(other, other[1:] + other[:1], strict=True):
        common = _clip(common, start, end)
    area = _area(common) if len(common) >= 3 else 0.0
    return area / (first[2] * first[3] + second[2] * second[3] - area)


def _random_boxes(count: int, seed: int, spread: float = 12.0, offset: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(count, 5, generator=generator, dtype=torch.float64)
    sides = 10 ** (numbers[:, 2:4] * 1.6 - 0.3)  # 0.5 to 20
    return torch.cat((numbers[:, :2] * spread + offset, sides, (numbers[:, 4:] - 0.5) * 4 * math.pi), dim=1)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "offset"),
    [(torch.float64, 1e-9, 0.0), (torch.float32, 1e-5, 0.0), (torch.float64, 1e-9, 20000.0)],
)
def test_random_boxes(dtype: torch.dtype, tolerance: float, offset: float) -> None:
    first, second = _random_boxes(60, 1, offset=offset).to(dtype), _random_boxes(70, 2, offset=offset).to(dtype)
    expected = torch.tensor([[_slow_iou(a, b) for b in second.tolist()] for a in first.tolist()], dtype=torch.float64)
    assert (expected > 0.1).sum() > 300
    assert (expected == 0).sum() > 300
    result = rotated_iou(first, second)
    assert result.dtype == dtype
    assert (result.double() - expected).abs().max() <= tolerance
    assert (rotated_iou(second, first).T.double() - expected).abs().max() <= tolerance


@pytest.mark.parametrize("name", NAMED_PAIRS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 1e-5)])
def test_special_positions(name: str, dtype: torch.dtype, tolerance: float) -> None:
    first, second, expected = NAMED_PAIRS[name]
    assert _slow_iou(first, second) == pytest.approx(expected, abs=1e-7)
    # turning and moving both changes nothing, but no edge stays upright
    for turn in (0.0, 0.4, -1.9, math.pi / 2):
        pair = torch.tensor([first, second], dtype=torch.float64)
        cosine, sine = math.cos(turn), math.sin(turn)
        centres = pair[:, :2] @ torch.tensor([[cosine, sine], [-sine, cosine]], dtype=torch.float64)
        pair = torch.cat((centres, pair[:, 2:4], pair[:, 4:] + turn), dim=1).to(dtype)
        for a, b in ((pair[0], pair[1]), (pair[1], pair[0])):
            assert rotated_iou_pairs(a, b).item() == pytest.approx(expected, abs=tolerance)
            assert rotated_iou(a[None], b[None]).item() == pytest.approx(expected, abs=tolerance)


def test_nearly_identical_boxes_at_every_scale_of_the_difference() -> None:
    box = torch.tensor([300.0, 200.0, 17.0, 6.0, 0.4], dtype=torch.float64)
    differences = 10.0 ** -torch.arange(2, 18, dtype=torch.float64)
    directions = torch.randn(64, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    moved = (box + differences[:, None, None] * directions).reshape(-1, 5)
    expected = torch.tensor([_slow_iou(box.tolist(), other) for other in moved.tolist()], dtype=torch.float64)
    assert (rotated_iou_pairs(box, moved) - expected).abs().max() <= 1e-9
    assert (rotated_iou_pairs(moved.float(), box.float()).double() - expected).abs().max() <= 1e-5


def test_boxes_that_are_apart_have_no_overlap_at_all() -> None:
    boxes = _random_boxes(80, 9, spread=60.0).float()
    expected = torch.tensor([[_slow_iou(a, b) for b in boxes.tolist()] for a in boxes.tolist()])
    result = rotated_iou_pairs(boxes[:, None], boxes[None])
    assert (expected == 0).sum() > 3000
    assert not result[expected == 0].any()


def test_half_precision_and_empty_sets() -> None:
    boxes = _random_boxes(9, 4).half()
    result = rotated_iou(boxes, boxes)
    assert result.dtype == torch.float16
    assert (result - rotated_iou(boxes.float(), boxes.float())).abs().max() <= 1e-3
    assert rotated_iou(boxes[:0], boxes).shape == (0, 9)
    assert rotated_iou(boxes, boxes[:0]).shape == (9, 0)
    assert rotated_iou_pairs(boxes[:0], boxes[:0]).shape == (0,)


def test_more_pairs_than_are_computed_at_once() -> None:
    crowd = _random_boxes(420, 5, spread=2.0).float()
    result = rotated_iou(crowd, crowd)
    assert (result.diagonal() - 1).abs().max() <= 1e-5
    rows = torch.arange(0, 420, 60)
    everywhere = rotated_iou_pairs(crowd[rows][:, None], crowd[None])
    torch.testing.assert_close(result[rows], everywhere, rtol=0, atol=1e-6)


def test_gradient_of_the_loss_equals_finite_differences() -> None:
    target = _random_boxes(40, 6)
    generator = torch.Generator().manual_seed(7)
    predicted = target + 0.3 * torch.randn(40, 5, generator=generator, dtype=torch.float64) * torch.tensor(
        [1, 1, 0.5, 0.5, 0.5], dtype=torch.float64
    )
    predicted[:, 2:4].clamp_(min=0.3)
    predicted.requires_grad_()
    target.requires_grad_()
    assert (rotated_iou_pairs(predicted, target) > 0.1).sum() > 30
    assert torch.autograd.gradcheck(rotated_iou_loss, (predicted, target), eps=1e-6, atol=1e-6, rtol=1e-5)
    assert torch.autograd.gradcheck(
        lambda a: rotated_iou(a, target[:6].detach()), (predicted[:6],), eps=1e-6, atol=1e-6
    )


def test_descending_the_loss_brings_boxes_together() -> None:
    target = torch.tensor([[20.0, 15.0, 12.0, 5.0, 0.6]], dtype=torch.float64)
    box = torch.tensor([[23.0, 14.0, 9.0, 8.0, 0.1]], dtype=torch.float64, requires_grad=True)
    assert rotated_iou_pairs(box, target).item() < 0.45
    optimiser = torch.optim.Adam([box], lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.97)
    for _ in range(150):
        optimiser.zero_grad()
        rotated_iou_loss(box, target).sum().backward()
        optimiser.step()
        schedule.step()
    # Two sides of the boxes come to lie on each other, where the loss has a kink that plain descent does not leave.
    assert rotated_iou_pairs(box, target).item() > 0.8


@pytest.mark.parametrize("name", NAMED_PAIRS)
def test_gradients_are_finite_everywhere(name: str) -> None:
    first, second, expected = NAMED_PAIRS[name]
    predicted = torch.tensor([first], dtype=torch.float32, requires_grad=True)
    target = torch.tensor([second], dtype=torch.float32, requires_grad=True)
    loss = rotated_iou_loss(predicted, target)
    assert loss.item() == pytest.approx(-math.log(max(expected, 1e-6)), abs=1e-4 if expected > 1e-5 else 0.2)
    loss.sum().backward()
    for tensor in (predicted, target):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        if name.startswith("apart"):
            assert not tensor.grad.any()


def test_the_corners_enclose_the_area() -> None:
    boxes = _random_boxes(20, 8)
    for box, corners in zip(boxes.tolist(), boxes_to_corners(boxes).tolist(), strict=True):
        assert _area([tuple(corner) for corner in corners]) == pytest.approx(box[2] * box[3])


def test_wrong_input_is_refused() -> None:
    boxes = torch.rand(3, 5)
    with pytest.raises(BadRequestError, match="boxes"):
        rotated_iou(boxes[:, :4], boxes)
    with pytest.raises(BadRequestError, match="boxes"):
        rotated_iou(boxes[None], boxes)
    with pytest.raises(BadRequestError, match="int64"):
        rotated_iou_pairs(boxes.long(), boxes)
    with pytest.raises(BadRequestError, match="shape"):
        rotated_iou_loss(boxes, boxes[:2])
    with pytest.raises(BadRequestError, match="between 0 and 1"):
        rotated_iou_loss(boxes, boxes, minimum_iou=0.0)
