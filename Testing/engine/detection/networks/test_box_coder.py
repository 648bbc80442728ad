"""Boxes as differences from priors: golden set h, round trips, and rectangles written out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from mambamed.detection.geometry import rotated_iou_pairs
from mambamed.detection.networks import decode_boxes
from mambamed.detection.networks import encode_boxes
from safetensors.torch import load_file


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["sparse", "crowded", "k8q6"])
def test_golden(shared_folder: Path, name: str) -> None:
    golden = load_file(shared_folder / f"golden/h_dcfl_assign_{name}.safetensors")
    boxes = decode_boxes(golden["dynamic_priors"], golden["reg_deltas"].T)
    assert torch.allclose(boxes, golden["decoded"], rtol=1e-5, atol=1e-4)


def test_along_the_axes_of_the_prior() -> None:
    prior = torch.tensor([10.0, 20.0, 8.0, 4.0, math.pi / 2])
    # The prior's w points down the rows: half a w moves y by 4, half an h moves x by -2.
    box = decode_boxes(prior, torch.tensor([0.5, 0.5, math.log(2), 0.0, 0.1]))
    assert torch.allclose(box, torch.tensor([8.0, 24.0, 16.0, 4.0, 0.6 * math.pi]), atol=1e-5)


def test_round_trip() -> None:
    generator = torch.Generator().manual_seed(4)
    scale = torch.tensor([50.0, 50.0, 30.0, 30.0, 6.0], dtype=torch.float64)
    boxes, priors = (torch.rand(200, 5, generator=generator, dtype=torch.float64) * scale for _ in range(2))
    boxes[:, 2:4] += 2
    priors[:, 2:4] += 8
    deltas = encode_boxes(priors, boxes)
    assert float(deltas[:, 4].abs().max()) <= 0.5
    again = decode_boxes(priors, deltas)
    assert float(rotated_iou_pairs(again, boxes).min()) > 1 - 1e-6
    assert float(again[:, 4].min()) >= -math.pi / 4
    assert float(again[:, 4].max()) < 3 * math.pi / 4


def test_sides_stay_finite() -> None:
    prior = torch.tensor([0.0, 0.0, 32.0, 32.0, 0.0])
    box = decode_boxes(prior, torch.tensor([0.0, 0.0, 1e6, -1e6, 0.0]))
    assert torch.allclose(box[2:4], torch.tensor([2000.0, 0.512]))
    assert bool(torch.isfinite(encode_boxes(prior, torch.zeros(5))).all())
