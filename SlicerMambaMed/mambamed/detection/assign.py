"""Coarse-to-fine matching of priors to objects (DCFL, Xu et al., CVPR 2023).

1. Coarse: each object takes the K priors most similar to it as Gaussians, over all levels together.
2. Posterior: of its candidates each object keeps the Q whose predictions are best: overlap with the object plus the
   probability of the likeliest class.
3. Gate: a candidate stays when it lies well within a mixture of two Gaussians with the object's covariance, one at the
   object's centre and one at the mean centre of the candidates it kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mambamed.detection.geometry.checks import check_boxes
from mambamed.detection.geometry.distances import box_similarity
from mambamed.detection.geometry.distances import mahalanobis_squared
from mambamed.detection.geometry.distances import similarity_measures
from mambamed.detection.geometry.gaussians import box_gaussians
from mambamed.detection.geometry.overlap import rotated_iou_pairs
from mambamed.errors import BadRequestError

__all__ = ["Assignment", "coarse_to_fine_assign", "labels_of_objects"]

# A prior that no object took although it is at least this similar to one is neither object nor background.
_IGNORED_FROM = 0.8
_CENTRE_WEIGHT = 0.7
_PAIRS_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Assignment:
    """Which object each of P priors learns.

    Attributes:
        gt_index: (P,) int64; 0 background, k for object k - 1, -1 ignored.
        labels: (P,) int64; the object's label, -1 for background and ignored priors.
        coarse_gt_index: (P,) int64; as ``gt_index``, after the coarse step alone.
    """

    gt_index: Tensor
    labels: Tensor
    coarse_gt_index: Tensor


@torch.no_grad()
def coarse_to_fine_assign(
    *,
    priors: Tensor,
    gt_boxes: Tensor,
    gt_labels: Tensor,
    cls_logits: Tensor,
    decoded_boxes: Tensor,
    measure: str = "gjsd",
    k: int = 16,
    q: int = 12,
    g: float = 0.6,
    strict: bool = True,
) -> Assignment:
    """Match priors to the objects of one image.

    Boxes are (cx, cy, w, h, angle), pixels and radians. The calculation is in float64 and has no gradient.

    Args:
        priors: (P, 5), all levels together; the dynamic priors, with their centres moved by the learned offsets.
        gt_boxes: (G, 5), the objects; G may be 0.
        gt_labels: (G,) integers.
        cls_logits: (C, P), the logits of each class.
        decoded_boxes: (P, 5), the boxes that the network predicts at the priors.
        measure: similarity of the coarse step: "gjsd", "kld" or "gwd", see ``box_similarity``.
        k: candidates that each object takes in the coarse step. Priors equally similar to the k-th enter together; a
            prior that several objects want goes to the last of them.
        q: candidates that each object keeps in the posterior step.
        g: the gate lets pass what reaches exp(-g).
        strict: each object considers its own candidates alone. Otherwise, as in the published code, an object with
            fewer than Q fills up with candidates of others: these move the centre of the object's second Gaussian, and
            pass the posterior step even when their own object did not keep them.

    Returns:
        The assignment.

    Raises:
        BadRequestError: the tensors do not fit together, or a setting is out of its range.
    """
    _check(priors, gt_boxes, gt_labels, cls_logits, decoded_boxes)
    _check_settings(measure, k, q, g)
    device = priors.device
    if device.type == "mps":  # has no float64
        arguments = (tensor.cpu() for tensor in (priors, gt_boxes, cls_logits, decoded_boxes))
        priors, gt_boxes, cls_logits, decoded_boxes = arguments
    priors, objects, decoded = priors.double(), gt_boxes.double(), decoded_boxes.double()

    coarse = _coarse_step(priors, objects, measure, k)
    candidates = (coarse > 0).nonzero()[:, 0]
    owners = coarse[candidates] - 1
    gt_index = coarse.clamp_max(0)
    if len(candidates) > 0:
        quality = rotated_iou_pairs(objects[owners], decoded[candidates])
        quality = quality + cls_logits[:, candidates].double().amax(dim=0).sigmoid()
        centres = priors[candidates, :2]
        kept, kept_centres = _posterior_step(quality, owners, centres, len(objects), q, strict)
        kept &= _gate(centres, owners, objects, kept_centres) >= math.exp(-g)
        gt_index[candidates[kept]] = owners[kept] + 1
    gt_index, coarse = gt_index.to(device), coarse.to(device)
    return Assignment(gt_index, labels_of_objects(gt_index, gt_labels), coarse)


def _coarse_step(priors: Tensor, objects: Tensor, measure: str, k: int) -> Tensor:
    """Return for each prior the object that takes it, 1-based, 0 for none, -1 for none but similar: (P,) int64."""
    taken = torch.zeros(len(priors), dtype=torch.int64, device=priors.device)
    best = torch.zeros(len(priors), dtype=priors.dtype, device=priors.device)
    if len(priors) == 0 or len(objects) == 0:
        return taken
    rows = max(1, _PAIRS_AT_ONCE // len(priors))
    for start in range(0, len(objects), rows):
        similarity = box_similarity(objects[start : start + rows], priors, measure)
        least = similarity.topk(min(k, len(priors)), dim=1).values[:, -1:]
        number = torch.arange(start + 1, start + 1 + len(similarity), device=priors.device)[:, None]
        wanted = torch.where(similarity >= least, number, 0).amax(dim=0)  # the last object has the largest number
        taken = torch.maximum(taken, wanted)
        best = torch.maximum(best, similarity.amax(dim=0))
    return torch.where((taken == 0) & (best >= _IGNORED_FROM), -1, taken)


def _posterior_step(
    quality: Tensor, owners: Tensor, centres: Tensor, objects: int, q: int, strict: bool
) -> tuple[Tensor, Tensor]:
    """Keep the best of each object's candidates.

    Args:
        quality: (N,), of each candidate for the object that took it.
        owners: (N,), 0-based objects.
        centres: (N, 2), of the candidates' priors.
        objects: how many there are.
        q: how many each object keeps.
        strict: see ``coarse_to_fine_assign``.

    Returns:
        Which candidates stay, (N,) bool, and the mean centre of what each object chose, (G, 2).
    """
    kept = torch.zeros_like(owners, dtype=torch.bool)
    means = torch.zeros(objects, 2, dtype=centres.dtype, device=centres.device)
    rows = max(1, _PAIRS_AT_ONCE // len(owners))
    for start in range(0, objects, rows):
        numbers = torch.arange(start, min(start + rows, objects), device=owners.device)
        own = owners[None] == numbers[:, None]
        chosen = torch.zeros_like(own)
        chosen.scatter_(1, _best(torch.where(own, quality[None], 0.0), q), True)
        if strict:
            chosen &= own
        kept |= chosen.any(dim=0)
        weights = chosen.to(centres.dtype)
        means[numbers] = weights @ centres / weights.sum(dim=1, keepdim=True).clamp_min(1)
    return kept, means


def _best(quality: Tensor, q: int) -> Tensor:
    """Return the positions (R, min(q, N)) of the q largest values of each row.

    The candidates of others tie at quality 0, and which of them fill up is what the host's ``topk`` happens to give; it
    is therefore asked on every device.
    """
    return quality.cpu().topk(min(q, quality.shape[1]), dim=1).indices.to(quality.device)


def _gate(centres: Tensor, owners: Tensor, objects: Tensor, kept_centres: Tensor) -> Tensor:
    """Return the mixture of each candidate's own object at its centre, (N,), between 0 and 1 (not normalised)."""
    means, covariances = box_gaussians(objects)
    own_covariances = covariances[owners]

    def density(around: Tensor) -> Tensor:
        return (-0.5 * mahalanobis_squared(centres - around[owners], own_covariances)).exp()

    return _CENTRE_WEIGHT * density(means) + (1 - _CENTRE_WEIGHT) * density(kept_centres)


def labels_of_objects(gt_index: Tensor, gt_labels: Tensor) -> Tensor:
    """Return the label (P,) of the object that each prior learns, -1 where it learns none.

    Args:
        gt_index: (P,), as in ``Assignment``.
        gt_labels: (G,), of the objects.
    """
    labels = torch.full_like(gt_index, -1)
    positive = gt_index > 0
    labels[positive] = gt_labels.to(gt_index)[gt_index[positive] - 1]
    return labels


def _check(priors: Tensor, gt_boxes: Tensor, gt_labels: Tensor, cls_logits: Tensor, decoded_boxes: Tensor) -> None:
    for boxes, name in ((priors, "priors"), (gt_boxes, "objects"), (decoded_boxes, "decoded boxes")):
        check_boxes(boxes, name)
        if boxes.ndim != 2:
            raise BadRequestError(f"The {name} are a tensor {tuple(boxes.shape)}; give (number, 5).")
    count = len(priors)
    if len(decoded_boxes) != count or cls_logits.ndim != 2 or cls_logits.shape[0] == 0 or cls_logits.shape[1] != count:
        raise BadRequestError(
            f"For {count} priors there are {len(decoded_boxes)} decoded boxes and logits {tuple(cls_logits.shape)}; "
            f"give ({count}, 5) and (classes, {count})."
        )
    if gt_labels.shape != (len(gt_boxes),):
        raise BadRequestError(
            f"For {len(gt_boxes)} objects the labels are {tuple(gt_labels.shape)}; give one for each."
        )


def _check_settings(measure: str, k: int, q: int, g: float) -> None:
    if measure not in similarity_measures():
        raise BadRequestError(
            f"The similarity of boxes {measure!r} is unknown; give one of {', '.join(similarity_measures())}."
        )
    if k < 1 or q < 1 or not g >= 0:
        raise BadRequestError(f"The assignment has k = {k}, q = {q}, g = {g}; give k and q of at least 1 and g >= 0.")
