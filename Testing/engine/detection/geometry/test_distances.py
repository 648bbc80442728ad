"""Gaussians of boxes and their distances: golden set h, numerical integration and general properties."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from mambamed.detection.geometry import box_gaussians
from mambamed.detection.geometry import box_similarity
from mambamed.detection.geometry import gaussian_jensen_shannon
from mambamed.detection.geometry import gaussian_kullback_leibler
from mambamed.detection.geometry import gaussian_wasserstein_squared
from mambamed.detection.geometry import rotated_iou
from mambamed.detection.geometry import similarity_measures
from mambamed.errors import BadRequestError
from safetensors.torch import load_file

SETS = ["sparse", "crowded", "k8q6"]
DISTANCES = [gaussian_jensen_shannon, gaussian_kullback_leibler, gaussian_wasserstein_squared]


def _boxes(count: int, seed: int) -> torch.Tensor:
    numbers = torch.rand(count, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    low = torch.tensor([0, 0, 2, 2, -0.7], dtype=torch.float64)
    return low + numbers * torch.tensor([9, 9, 10, 10, math.pi], dtype=torch.float64)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", SETS)
def test_golden(shared_folder: Path, name: str) -> None:
    golden = load_file(shared_folder / f"golden/h_dcfl_assign_{name}.safetensors")
    objects, priors = golden["gt_boxes"].double(), golden["dynamic_priors"].double()
    first, second = box_gaussians(objects[:, None]), box_gaussians(priors[None])
    for distance, key in ((gaussian_kullback_leibler, "kld_gt_prior"), (gaussian_wasserstein_squared, "gwd_squared")):
        torch.testing.assert_close(distance(*first, *second), golden[key].double(), rtol=1e-6, atol=1e-6)
    # This one was computed in float32 with products of absolute coordinates and carries their rounding.
    assert (box_similarity(objects, priors) - golden["similarity_gjsd"]).abs().max() < 2e-4
    kl = golden["kld_gt_prior"].double()
    torch.testing.assert_close(box_similarity(objects, priors, "kld"), 1 / (1 + kl), rtol=1e-6, atol=1e-7)
    wasserstein = golden["gwd_squared"].double().sqrt()
    torch.testing.assert_close(box_similarity(objects, priors, "gwd"), 1 / (1 + wasserstein), rtol=1e-6, atol=1e-7)
    decoded = golden["decoded"]
    assert (rotated_iou(objects, decoded.double()) - golden["iou_gt_decoded"]).abs().max() < 1e-6
    assert (rotated_iou(golden["gt_boxes"], decoded) - golden["iou_gt_decoded"]).abs().max() < 1e-5


def _density(mean: torch.Tensor, covariance: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    return torch.distributions.MultivariateNormal(mean, covariance).log_prob(grid)


def test_divergences_equal_their_integrals() -> None:
    axis = torch.arange(-40, 50, 0.2, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)

    def integral(values: torch.Tensor) -> float:
        return values.sum().item() * 0.2**2

    for one, other in zip(_boxes(3, 1), _boxes(3, 2), strict=True):
        first, second = box_gaussians(one), box_gaussians(other)
        log_p, log_q = _density(*first, grid), _density(*second, grid)
        divergence = integral(log_p.exp() * (log_p - log_q))
        assert gaussian_kullback_leibler(*first, *second).item() == pytest.approx(divergence, rel=1e-6)
        for alpha in (0.5, 0.2):
            log_mean = (1 - alpha) * log_p + alpha * log_q
            log_mean = log_mean - math.log(integral(log_mean.exp()))
            expected = (1 - alpha) * integral(log_mean.exp() * (log_mean - log_p))
            expected += alpha * integral(log_mean.exp() * (log_mean - log_q))
            assert gaussian_jensen_shannon(*first, *second, alpha).item() == pytest.approx(expected, rel=1e-6)


def test_wasserstein_equals_the_formula_with_matrix_roots() -> None:
    def root(matrix: torch.Tensor) -> torch.Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        return vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T

    for one, other in zip(_boxes(20, 3), _boxes(20, 4), strict=True):
        (mean, a), (other_mean, b) = box_gaussians(one), box_gaussians(other)
        expected = (mean - other_mean).square().sum() + torch.trace(a + b - 2 * root(root(a) @ b @ root(a)))
        torch.testing.assert_close(gaussian_wasserstein_squared(mean, a, other_mean, b), expected)


def test_gaussian_of_a_plain_box() -> None:
    mean, covariance = box_gaussians(torch.tensor([3.0, 4.0, 6.0, 2.0, 0.0]))
    assert mean.tolist() == [3, 4]
    assert covariance.tolist() == [[9, 0], [0, 1]]
    turned = box_gaussians(torch.tensor([3.0, 4.0, 6.0, 2.0, math.pi / 4], dtype=torch.float64))[1]
    torch.testing.assert_close(turned, torch.tensor([[5.0, 4.0], [4.0, 5.0]], dtype=torch.float64))


@pytest.mark.parametrize("measure", similarity_measures())
def test_a_similarity_depends_on_the_rectangles_alone(measure: str) -> None:
    boxes, others = _boxes(8, 5), _boxes(11, 6)
    expected = box_similarity(boxes, others, measure)
    assert expected.shape == (8, 11)
    assert ((expected > 0) & (expected < 1)).all()
    torch.testing.assert_close(box_similarity(boxes, boxes, measure).diagonal(), torch.ones(8, dtype=torch.float64))
    swapped = boxes[:, [0, 1, 3, 2, 4]] + torch.tensor([0, 0, 0, 0, math.pi / 2], dtype=torch.float64)
    torch.testing.assert_close(box_similarity(swapped, others, measure), expected)
    far = torch.tensor([30000, 20000, 0, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(box_similarity(boxes + far, others + far, measure), expected)
    if measure != "gwd":  # the Wasserstein distance is in pixels
        scale = torch.tensor([3, 3, 3, 3, 1], dtype=torch.float64)
        torch.testing.assert_close(box_similarity(boxes * scale, others * scale, measure), expected)


@pytest.mark.parametrize("distance", DISTANCES)
def test_gradients(distance: object) -> None:
    boxes, others = _boxes(5, 7).requires_grad_(), _boxes(5, 8)
    assert callable(distance)
    assert torch.autograd.gradcheck(lambda b: distance(*box_gaussians(b), *box_gaussians(others)), (boxes,))


@pytest.mark.parametrize("measure", similarity_measures())
def test_degenerate_boxes_stay_finite(measure: str) -> None:
    flat = torch.tensor([[4.0, 4.0, 0.0, 5.0, 0.3], [4.0, 4.0, 0.0, 0.0, 0.3], [4.0, 4.0, -1.0, 2.0, 0.3]])
    boxes = torch.cat((flat, _boxes(3, 9).float())).requires_grad_()
    similarity = box_similarity(boxes, boxes, measure)
    assert ((similarity >= 0) & (similarity <= 1)).all()
    similarity.sum().backward()
    assert boxes.grad is not None
    assert boxes.grad.isfinite().all()


def test_wrong_input_is_refused() -> None:
    with pytest.raises(BadRequestError, match="gjsd, kld, gwd"):
        box_similarity(_boxes(2, 1), _boxes(2, 2), "iou")
    with pytest.raises(BadRequestError, match="boxes"):
        box_gaussians(torch.rand(3, 4))
