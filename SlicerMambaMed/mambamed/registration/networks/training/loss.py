"""What a registration network is trained to make small: labels apart, places apart, images apart, rough fields."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.registration.layers.losses import dice_of_labels
from mambamed.registration.layers.losses import ncc_loss
from mambamed.registration.layers.losses import smoothness_loss
from mambamed.registration.layers.spatial_transformer import warp
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.matching import match_divergence
from mambamed.registration.networks.output import RegistrationOutput
from mambamed.registration.similarity import mind_ssc

__all__ = ["common_labels", "one_hot_of", "registration_loss"]

_SMALLEST_DISTANCE = 0.1


def common_labels(source: Tensor, target: Tensor) -> Tensor:
    """Values above 0 that two label maps have in common, rising."""
    first, second = (labels.unique() for labels in (source, target))
    return first[(first > 0) & torch.isin(first, second)]


def one_hot_of(labels: Tensor, values: Tensor) -> Tensor:
    """(B, X, Y, Z) and L values -> (B, L, X, Y, Z), float32."""
    return (labels[:, None] == values[None, :, None, None, None]).float()


def registration_loss(
    output: RegistrationOutput, batch: Mapping[str, Tensor], settings: NetworkTrainingSettings
) -> dict[str, Tensor]:
    """Terms of the loss by name, each with its weight; their sum is minimised.

    ``dice``: minus the mean Dice of the common labels (at most ``labels_per_step``, drawn), warped with the integrated
    field (the field that is used later, other than in VMambaMorph's public script). ``places``: mean distance in voxels
    between the places that meet, inside the target's labels. ``images``: local correlation or the distance of MIND
    descriptors. ``matching``: how far the agreement of features is from the true matches, for networks that look at it.
    ``smoothness``: squared differences of the predicted velocity.
    """
    displacement = output.pos_flow.float()
    terms = {"smoothness": settings.smoothness_weight * smoothness_loss(output.preint_flow.float())}
    if "source_labels" in batch and settings.dice_weight > 0:
        terms["dice"] = settings.dice_weight * _dice(displacement, batch, settings.labels_per_step)
    if "source_places" in batch and settings.places_weight > 0:
        terms["places"] = settings.places_weight * _distance_of_places(displacement, batch)
    if "source_places" in batch and output.matches is not None and settings.matching_weight > 0:
        terms["matching"] = settings.matching_weight * _divergence_of_matches(output.matches, batch)
    if settings.image_loss == "ncc":
        terms["images"] = settings.image_weight * ncc_loss(batch["target"], output.moved.float())
    elif settings.image_loss == "mind":
        descriptors = [mind_ssc(volume) for volume in (batch["target"], output.moved.float())]
        terms["images"] = settings.image_weight * (descriptors[0] - descriptors[1]).square().mean()
    if len(terms) == 1:
        raise BadRequestError(
            "The training pairs have no labels and no image loss was chosen; give label maps, or choose ncc or mind."
        )
    return terms


def _dice(displacement: Tensor, batch: Mapping[str, Tensor], most: int) -> Tensor:
    values = common_labels(batch["source_labels"], batch["target_labels"])
    if values.numel() == 0:
        return displacement.sum() * 0.0
    if values.numel() > most:
        values = values[torch.randperm(values.numel(), device=values.device)[:most]]
    moved = warp(one_hot_of(batch["source_labels"], values), displacement)
    return -dice_of_labels(one_hot_of(batch["target_labels"], values), moved).mean()


def _distance_of_places(displacement: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    inside = batch["target_labels"] > 0
    difference = warp(batch["source_places"], displacement) - batch["target_places"]
    distance = (difference.square().sum(dim=1) + _SMALLEST_DISTANCE**2).sqrt()
    return (distance * inside).sum() / inside.sum().clamp_min(1)


def _divergence_of_matches(matches: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Matches are those of every second voxel, as are the places."""
    halves = [batch[name][:, :, ::2, ::2, ::2] / 2.0 for name in ("source_places", "target_places")]
    inside = batch["target_labels"][:, ::2, ::2, ::2] > 0
    radius = (round(matches.shape[1] ** (1.0 / 3.0)) - 1) // 2
    return match_divergence(matches, halves[0], halves[1], inside, radius)
