"""Checks of an explanation, each with a limit: one that fails is shown as failed."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from mambamed.emphysema.explain.methods import MethodMap
from mambamed.emphysema.explain.methods import method_map
from mambamed.emphysema.explain.settings import CHECK_LIMITS
from mambamed.emphysema.severity.network import SeverityNetwork

__all__ = ["ExplanationCheck", "ExplanationSubject", "check_against_reference", "check_behaviour", "top_region_dice"]

_FEW_STEPS = 12
_NOISE_HU = 4.0
_DELETED_SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
_RANDOM_ORDERS = 2


@dataclass(frozen=True)
class ExplanationCheck:
    """The outcome of one check: ``passed`` says whether ``value`` is on the right side of ``limit``.

    Attributes:
        name: What was checked.
        value: What was found.
        limit: What it has to reach or must not exceed.
        passed: Whether it does.
        meaning: In words.
        curve: Of the deletion check: ``share`` of the lungs that was made healthy, and the evidence that is left (1 at
            the start, 0 in healthy lungs) in the order of the map (``map``) and in random order (``random``).
    """

    name: str
    value: float
    limit: float
    passed: bool
    meaning: str
    curve: dict[str, list[float]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values; without ``curve`` where there is none."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class ExplanationSubject:
    """What is explained: a network, its input (1, 1, z, y, x), the lungs, the class, the method."""

    network: SeverityNetwork
    values: Tensor
    mask: Tensor
    target: int
    method: str
    layer: str | None = None

    def explained(self, steps: int = _FEW_STEPS, **changes: Any) -> MethodMap:
        """Return the map, with some of the attributes changed."""
        subject = dataclasses.replace(self, **changes)
        return method_map(
            subject.network, subject.values, subject.mask, subject.target, subject.method, subject.layer, steps
        )


def check_behaviour(subject: ExplanationSubject, found: MethodMap, seed: int) -> list[ExplanationCheck]:
    """Check what needs no reference: completeness, randomised weights, stability, deletion, healthy control.

    The last two ask what making the lungs healthy takes away from the evidence; for the lowest class, whose evidence is
    the health itself, they cannot be made.

    Args:
        subject: What was explained.
        found: Its map.
        seed: Of random weights, noise and orders.
    """
    lungs = subject.mask[0, 0] > 0
    here = found.values[lungs]
    checks = []
    if found.completeness_gap is not None:
        checks.append(
            _at_most(
                "completeness",
                found.completeness_gap,
                "Share of the difference to healthy lungs that the map's sum misses.",
            )
        )
    random_network = _randomised(subject.network, seed)
    other = subject.explained(network=random_network).values[lungs]
    checks.append(
        _at_most(
            "randomisation",
            abs(_correlation(here, other)),
            "Correlation with the map of a network with random weights: a map that stays says nothing of the network.",
        )
    )
    low, high = subject.network.configuration.window_hu
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(subject.values.shape, generator=generator).to(subject.values) * (2.0 * _NOISE_HU / (high - low))
    noisy = subject.explained(values=((subject.values + noise) * subject.mask).clamp(-1.0, 1.0)).values[lungs]
    checks.append(
        _at_least(
            "stability-noise", _correlation(here, noisy), f"Correlation with the map after noise of {_NOISE_HU:.0f} HU."
        )
    )
    flipped = subject.explained(values=subject.values.flip(4), mask=subject.mask.flip(4)).values.flip(2)[lungs]
    checks.append(
        _at_least("stability-flip", _correlation(here, flipped), "Correlation with the map of the mirrored lungs.")
    )
    if subject.target > 0:
        checks.append(_deletion(subject, found.values, seed))
        healed = subject.explained(values=subject.values.clamp(min=0.0)).values
        ratio = float(healed.max() / found.values.max().clamp(min=1e-12))
        checks.append(
            _at_most(
                "healthy-control",
                ratio,
                "Highest value of the map, relative to now, once all that is darker than healthy lung is healthy.",
            )
        )
    return checks


def check_against_reference(values: np.ndarray, reference: np.ndarray, lungs: np.ndarray) -> list[ExplanationCheck]:
    """Check where the map lies: pointing game, Dice of its top region, its mass inside a reference.

    Args:
        values: Map (z, y, x) on the network's grid.
        reference: Emphysema, bool (z, y, x): low attenuation without airways, or drawn by a person.
        lungs: bool (z, y, x).

    Returns:
        The checks; none if the reference is empty.
    """
    reference = reference & lungs
    chance = float(reference.sum() / max(1, lungs.sum()))
    if not reference.any() or chance >= 1.0:
        return []
    inside = np.where(lungs, values, -np.inf)
    peak = np.unravel_index(int(inside.argmax()), inside.shape)
    near = ndimage.binary_dilation(reference, np.ones((3, 3, 3)))
    dice = top_region_dice(values, reference, lungs)
    mass = float(values[reference].sum() / max(float(values[lungs].sum()), 1e-12))
    return [
        _at_least(
            "pointing", float(near[peak]), "1 if the highest value lies in the reference or the voxel beside it."
        ),
        _at_least(
            "dice",
            dice,
            f"Dice of the highest values (as many voxels as the reference has) with it; by chance {chance:.3f}.",
            chance + CHECK_LIMITS["dice"] * (1.0 - chance),
        ),
        _at_least(
            "mass",
            mass,
            f"Share of the map's sum inside the reference; evenly spread it would be {chance:.3f}.",
            chance + CHECK_LIMITS["mass"] * (1.0 - chance),
        ),
    ]


def top_region_dice(values: np.ndarray, reference: np.ndarray, lungs: np.ndarray) -> float:
    """Return the Dice of the reference with as many voxels of the lungs, those of the highest values."""
    count = int(reference.sum())
    inside = np.where(lungs, values, -np.inf).ravel()
    top = np.argpartition(-inside, count - 1)[:count]
    return float(reference.ravel()[top].sum()) / count


@torch.no_grad()
def _deletion(subject: ExplanationSubject, values: Tensor, seed: int) -> ExplanationCheck:
    """Make voxels healthy, highest of the map first, and compare how fast the evidence falls with random orders."""
    places = torch.nonzero((subject.mask[0, 0] > 0).flatten())[:, 0]
    generator = torch.Generator().manual_seed(seed)
    orders = [places[values.flatten()[places].argsort(descending=True, stable=True)]]
    for _ in range(_RANDOM_ORDERS):
        orders.append(places[torch.randperm(len(places), generator=generator).to(places.device)])
    curves = []
    for order in orders:
        evidence = []
        for share in _DELETED_SHARES:
            deleted = subject.values.clone().flatten()
            deleted[order[: int(share * len(order))]] = 0.0
            evidence.append(
                float(subject.network.evidence(deleted.view_as(subject.values), subject.mask, subject.target))
            )
        curves.append(evidence)
    start = float(subject.network.evidence(subject.values, subject.mask, subject.target))
    empty = float(subject.network.evidence(torch.zeros_like(subject.values), subject.mask, subject.target))
    left = (np.array([[start] * len(curves), *np.transpose(curves)]) - empty) / max(abs(start - empty), 1e-6)
    by_map, by_chance = left[:, 0], left[:, 1:].mean(axis=1)
    check = _at_least(
        "deletion",
        float((by_chance - by_map)[1:].mean()),
        "How much more the evidence falls when the map's highest voxels are made healthy than when random ones are "
        "(1: all of it).",
    )
    curve = {"share": [0.0, *_DELETED_SHARES], "map": by_map.tolist(), "random": by_chance.tolist()}
    return dataclasses.replace(check, curve=curve)


def _randomised(network: SeverityNetwork, seed: int) -> SeverityNetwork:
    """Return a copy whose weights are drawn anew, all layers."""
    other = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in other.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    return other.eval().requires_grad_(False)


def _correlation(first: Tensor, second: Tensor) -> float:
    """Return Pearson's correlation; 0 if one of the two does not vary."""
    pair = torch.stack([first.double().flatten(), second.double().flatten()])
    centred = pair - pair.mean(dim=1, keepdim=True)
    norms = centred.norm(dim=1)
    if float(norms.min()) <= 1e-12:
        return 0.0
    return float((centred[0] @ centred[1]) / (norms[0] * norms[1]))


def _at_most(name: str, value: float, meaning: str) -> ExplanationCheck:
    limit = CHECK_LIMITS[name]
    return ExplanationCheck(name, value, limit, bool(value <= limit), meaning)


def _at_least(name: str, value: float, meaning: str, limit: float | None = None) -> ExplanationCheck:
    limit = CHECK_LIMITS[name] if limit is None else limit
    return ExplanationCheck(name, value, limit, bool(value >= limit), meaning)
