"""Coarse-to-fine assignment: golden set h, a slow computation by its definition, and its edges."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from mambamed.detection import assign
from mambamed.detection.assign import coarse_to_fine_assign
from mambamed.detection.geometry import box_gaussians
from mambamed.detection.geometry import box_similarity
from mambamed.detection.geometry import rotated_iou
from mambamed.detection.geometry import similarity_measures
from mambamed.errors import BadRequestError
from safetensors.torch import load_file

SETS = ["sparse", "crowded", "k8q6"]


def _golden(shared_folder: Path, name: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    golden = load_file(shared_folder / f"golden/h_dcfl_assign_{name}.safetensors")
    facts = json.loads((shared_folder / f"golden/h_dcfl_assign_{name}.json").read_text(encoding="utf-8"))
    inputs = {
        "priors": golden["dynamic_priors"],
        "gt_boxes": golden["gt_boxes"],
        "gt_labels": golden["gt_labels"],
        "cls_logits": golden["cls_logits"],
        "decoded_boxes": golden["decoded"],
    }
    return golden, {**inputs, "k": facts["K"], "q": facts["Q"], "g": facts["g"]}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", SETS)
def test_golden(shared_folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    golden, inputs = _golden(shared_folder, name)
    result = coarse_to_fine_assign(**inputs, strict=False)
    assert torch.equal(result.gt_index, golden["assigned_gt_index"])
    assert torch.equal(result.labels, golden["assigned_label"])
    monkeypatch.setattr(assign, "_PAIRS_AT_ONCE", 3000)  # a few objects at a time
    assert torch.equal(coarse_to_fine_assign(**inputs, strict=False).gt_index, golden["assigned_gt_index"])


@pytest.mark.shared_data
def test_strict_differs_only_where_objects_lack_candidates(shared_folder: Path) -> None:
    changed = {}
    for name in SETS:
        golden, inputs = _golden(shared_folder, name)
        result = coarse_to_fine_assign(**inputs)
        changed[name] = int((result.gt_index != golden["assigned_gt_index"]).sum())
        assert torch.equal(result.gt_index, _by_definition(**inputs))
    assert changed["crowded"] > 0
    assert changed["sparse"] == changed["k8q6"] == 0


def _scene(seed: int, objects: int = 9, extent: float = 96.0) -> dict[str, torch.Tensor]:
    """Priors of three levels with moved centres, random objects and predictions near the priors."""
    generator = torch.Generator().manual_seed(seed)
    levels = []
    for stride in (8, 16, 32):
        axis = torch.arange(0, extent, stride)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        moved = torch.stack((x, y), dim=-1).reshape(-1, 2) + stride * 0.4 * torch.randn(
            x.numel(), 2, generator=generator
        )
        levels.append(torch.cat((moved, torch.tensor([[4.0 * stride, 4.0 * stride, 0.0]]).expand(len(moved), 3)), 1))
    priors = torch.cat(levels)
    numbers = torch.rand(objects, 5, generator=generator)
    low, factor = torch.tensor([0, 0, 6, 6, -0.7]), torch.tensor([extent, extent, 30, 20, math.pi])
    deltas = torch.randn(len(priors), 5, generator=generator)
    sides = priors[:, 2:4] * (0.4 * deltas[:, 2:4] - 0.6).exp()
    decoded = torch.cat((priors[:, :2] + 4 * deltas[:, :2], sides, deltas[:, 4:]), dim=1)
    return {
        "priors": priors,
        "gt_boxes": low + numbers * factor,
        "gt_labels": torch.randint(4, (objects,), generator=generator),
        "cls_logits": torch.randn(4, len(priors), generator=generator),
        "decoded_boxes": decoded,
    }


def _by_definition(
    *,
    priors: torch.Tensor,
    gt_boxes: torch.Tensor,
    gt_labels: torch.Tensor,
    cls_logits: torch.Tensor,
    decoded_boxes: torch.Tensor,
    measure: str = "gjsd",
    k: int = 16,
    q: int = 12,
    g: float = 0.6,
) -> torch.Tensor:
    """Assign object after object and prior after prior (strict)."""
    priors, objects = priors.double(), gt_boxes.double()
    similarity = box_similarity(objects, priors, measure)
    overlap = rotated_iou(objects, decoded_boxes.double())
    probability = cls_logits.double().amax(dim=0).sigmoid()
    owner = [0] * len(priors)
    for number in range(1, len(objects) + 1):
        for prior in similarity[number - 1].argsort(descending=True)[:k].tolist():
            owner[prior] = number
    result = [-1 if o == 0 and similarity[:, p].max() >= 0.8 else 0 for p, o in enumerate(owner)]
    for number in range(1, len(objects) + 1):
        own = [prior for prior, by in enumerate(owner) if by == number]
        own.sort(key=lambda prior: -(overlap[number - 1, prior] + probability[prior]).item())
        if not own[:q]:
            continue
        mean, covariance = box_gaussians(objects[number - 1])
        semantic = priors[own[:q], :2].mean(dim=0)
        inverse = torch.linalg.inv(covariance)
        for prior in own[:q]:
            distances = [(priors[prior, :2] - c) @ inverse @ (priors[prior, :2] - c) for c in (mean, semantic)]
            if 0.7 * torch.exp(-distances[0] / 2) + 0.3 * torch.exp(-distances[1] / 2) >= math.exp(-g):
                result[prior] = number
    return torch.tensor(result)


@pytest.mark.parametrize("measure", similarity_measures())
@pytest.mark.parametrize(("seed", "k", "q", "g"), [(1, 16, 12, 0.6), (2, 8, 3, 1.2), (3, 16, 14, 0.4), (4, 2, 2, 0.8)])
def test_by_definition(measure: str, seed: int, k: int, q: int, g: float) -> None:
    scene = _scene(seed)
    result = coarse_to_fine_assign(**scene, measure=measure, k=k, q=q, g=g)
    assert torch.equal(result.gt_index, _by_definition(**scene, measure=measure, k=k, q=q, g=g))
    assert (result.gt_index > 0).sum() > 3
    positive = result.gt_index > 0
    assert torch.equal(result.labels[positive], scene["gt_labels"][result.gt_index[positive] - 1])
    assert (result.labels[~positive] == -1).all()
    assert torch.equal(result.gt_index[positive], result.coarse_gt_index[positive])
    for number in range(1, 10):
        assert (result.gt_index == number).sum() <= q


def test_a_similar_prior_that_nobody_takes_is_ignored() -> None:
    prior = torch.tensor([20.0, 20.0, 32.0, 32.0, 0.0])
    shifts = torch.tensor([[0.0, 0, 0, 0, 0], [1.0, 0, 0, 0, 0], [2.0, 0, 0, 0, 0], [60.0, 0, 0, 0, 0]])
    result = coarse_to_fine_assign(
        priors=prior + shifts,
        gt_boxes=prior[None],
        gt_labels=torch.tensor([2]),
        cls_logits=torch.zeros(3, 4),
        decoded_boxes=prior + shifts,
        k=2,
        q=1,
    )
    assert result.coarse_gt_index.tolist() == [1, 1, -1, 0]
    assert result.gt_index.tolist() == [1, 0, -1, 0]
    assert result.labels.tolist() == [2, -1, -1, -1]


def test_equally_similar_priors_enter_together_and_the_last_object_wins() -> None:
    centres = torch.tensor([[-8.0, 0], [8, 0], [0, -8], [0, 8]])
    priors = torch.cat((centres, torch.tensor([[16.0, 16, 0]]).expand(4, 3)), dim=1)
    objects = torch.tensor([[0.0, 0, 16, 16, 0], [0.0, 0, 16, 16, 0]])
    arguments = {
        "priors": priors,
        "gt_boxes": objects,
        "gt_labels": torch.tensor([0, 1]),
        "cls_logits": torch.zeros(2, 4),
        "decoded_boxes": priors,
    }
    assert coarse_to_fine_assign(**arguments, k=1).coarse_gt_index.tolist() == [2, 2, 2, 2]


def test_no_objects_no_priors_and_more_candidates_than_priors() -> None:
    scene = _scene(5)
    nothing = coarse_to_fine_assign(**{**scene, "gt_boxes": torch.zeros(0, 5), "gt_labels": torch.zeros(0).long()})
    assert not nothing.gt_index.any()
    assert (nothing.labels == -1).all()
    empty = {"priors": torch.zeros(0, 5), "decoded_boxes": torch.zeros(0, 5), "cls_logits": torch.zeros(4, 0)}
    assert coarse_to_fine_assign(**{**scene, **empty}).gt_index.shape == (0,)
    for strict in (True, False):
        few = coarse_to_fine_assign(
            priors=scene["priors"][:5],
            gt_boxes=scene["priors"][:1],
            gt_labels=torch.tensor([3]),
            cls_logits=scene["cls_logits"][:, :5],
            decoded_boxes=scene["decoded_boxes"][:5],
            strict=strict,
        )
        assert few.gt_index[0] == 1


def test_degenerate_objects_and_gradients_do_no_harm() -> None:
    scene = _scene(6)
    scene["gt_boxes"][0, 2:4] = 0
    scene["decoded_boxes"].requires_grad_()
    result = coarse_to_fine_assign(**scene)
    assert not result.gt_index.requires_grad
    assert result.gt_index.max() > 1


def test_wrong_input_is_refused() -> None:
    scene = _scene(7)
    for change in (
        {"cls_logits": scene["cls_logits"].T},
        {"decoded_boxes": scene["decoded_boxes"][:-1]},
        {"gt_labels": scene["gt_labels"][:-1]},
        {"priors": scene["priors"][:, :4]},
        {"gt_boxes": scene["gt_boxes"][0]},
    ):
        with pytest.raises(BadRequestError):
            coarse_to_fine_assign(**{**scene, **change})
    for setting in ({"measure": "iou"}, {"k": 0}, {"q": 0}, {"g": -0.1}, {"g": math.nan}):
        with pytest.raises(BadRequestError):
            coarse_to_fine_assign(**scene, **setting)
