"""How well descriptors reproduce LC2 on real images that no training has seen: error, R2 and r per pair.

Run it as ``python -m mambamed.registration.disa.training.judge --weights FILE --data DIR --output FILE`` where ``DIR``
is a folder with the images of ``REAL_PAIRS`` (the ICBM152 template comes with nilearn); missing pairs are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.imaging import read_image
from mambamed.models.weights import load_weights
from mambamed.registration.disa.describe import describe_prepared
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.prepare import PreparedVolume
from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.disa.training.pair_loss import all_similarities
from mambamed.registration.disa.training.positions import MARGIN_VOXELS
from mambamed.registration.disa.training.positions import position_weights
from mambamed.registration.disa.training.real_pairs import REAL_PAIRS
from mambamed.registration.disa.training.real_pairs import RealPair

__all__ = ["PairScore", "judge_network", "judge_pair"]

_DRAWS = 10
_FIRST = 2
"""Descriptors nearer to the border have cubes that reach outside."""


@dataclass(frozen=True)
class PairScore:
    """Agreement of dot products with LC2 (mean of radii 3, 5, 7 and of both directions) over pairs of positions.

    Attributes:
        pair: name of the pair of images.
        modalities: for example "MR-CT".
        mean_squared_error: of the dot product of the descriptors.
        mean_squared_error_sign_averaged: of descriptors averaged over the image and its negative.
        r2: 1 - error / variance of the targets.
        r: Pearson's correlation.
        target_variance: of the targets.
        samples: number of pairs of positions.
    """

    pair: str
    modalities: str
    mean_squared_error: float
    mean_squared_error_sign_averaged: float
    r2: float
    r: float
    target_variance: float
    samples: int


def judge_network(
    network: DISANet, data: Path, pairs: Sequence[RealPair] = REAL_PAIRS, positions: int = 300, seed: int = 0
) -> list[PairScore]:
    """Judge a network on all pairs whose images are there.

    Args:
        network: the network with its weights.
        data: folder with the images.
        pairs: which.
        positions: positions drawn in the first image of each pair.
        seed: of the draws.
    """
    scores = []
    for pair in pairs:
        files = [pair.resolve(data, name) for name in (pair.first, pair.second)]
        if all(file.is_file() for file in files):
            volumes = [
                prepare_volume(read_image(file), spacing) for file, spacing in zip(files, pair.spacing_mm, strict=True)
            ]
            scores.append(judge_pair(network, volumes[0], volumes[1], pair, positions, seed))
    if not scores:
        raise BadRequestError(f"The folder {data} holds none of the pairs of images to judge on.")
    return scores


def judge_pair(
    network: DISANet, first: PreparedVolume, second: PreparedVolume, pair: RealPair, positions: int, seed: int
) -> PairScore:
    """Judge on pairs of positions drawn as the paper draws its training pairs (DISA, section 3).

    Positions of the first volume are drawn by local variance; for each, similarities t are drawn uniformly, and the
    position of the second volume whose similarity is closest to t is taken.
    """
    rng = np.random.default_rng(seed)
    volumes = first.tensor, second.tensor
    chosen = [_candidates(rng, volumes[0], positions), _candidates(rng, volumes[1], 3000)]
    similarity = all_similarities(volumes[0], chosen[0], volumes[1], chosen[1])
    wanted = torch.from_numpy(rng.random((similarity.shape[0], _DRAWS)).astype(np.float32))
    partner = (similarity[:, None] - wanted[:, :, None]).abs().argmin(dim=2)
    target = similarity.gather(1, partner).flatten().double()
    products = []
    for sign_average in (False, True):
        features = [_described(network, volume, sign_average) for volume in (first, second)]
        product = (
            _at(features[0], chosen[0], volumes[0].shape[2:]) @ _at(features[1], chosen[1], volumes[1].shape[2:]).T
        )
        products.append(product.gather(1, partner).flatten().double())
    errors = [float((product - target).square().mean()) for product in products]
    variance = float(target.var(unbiased=False))
    return PairScore(
        pair=pair.name,
        modalities=pair.modalities,
        mean_squared_error=errors[0],
        mean_squared_error_sign_averaged=errors[1],
        r2=1.0 - errors[0] / variance,
        r=float(torch.corrcoef(torch.stack((products[0], target)))[0, 1]),
        target_variance=variance,
        samples=target.numel(),
    )


def _described(network: DISANet, volume: PreparedVolume, sign_average: bool) -> Tensor:
    return describe_prepared(volume, network=network, precision="float32", sign_average=sign_average).tensor


def _candidates(rng: np.random.Generator, volume: Tensor, count: int) -> NDArray[np.int64]:
    """Up to ``count`` positions by local variance without repetition, (1, N)."""
    weights = position_weights(volume)[0].double().numpy()
    count = min(count, int((weights > 0).sum()))
    return np.asarray(rng.choice(weights.size, count, replace=False, p=weights / weights.sum())[None], np.int64)


def _at(features: Tensor, positions: NDArray[np.int64], size: torch.Size) -> Tensor:
    """Descriptors (N, 16) of a volume of ``size`` voxels at positions (1, N) counted inside the margin."""
    x, y, z = (slice(_FIRST, _FIRST + len(range(MARGIN_VOXELS, side - MARGIN_VOXELS, 4))) for side in size)
    inside = features[0, :, x, y, z]
    return inside.flatten(1)[:, torch.from_numpy(positions[0])].T


def main() -> None:
    """Command line: judge weights on the real pairs."""
    parser = argparse.ArgumentParser(description="Judge DISA weights on real images.")
    parser.add_argument("--weights", type=Path, required=True, help="weights (.safetensors or .pt)")
    parser.add_argument("--data", type=Path, required=True, help="folder with the images")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--positions", type=int, default=300, help="positions per pair (default: 300)")
    arguments = parser.parse_args()
    network = DISANet()
    network.load_state_dict(load_weights(arguments.weights))
    scores = judge_network(network.eval(), arguments.data, positions=arguments.positions)
    for score in scores:
        print(
            f"{score.pair:28s} {score.modalities:8s} error {score.mean_squared_error:.4f} (sign averaged "
            f"{score.mean_squared_error_sign_averaged:.4f})  R2 {score.r2:5.2f}  r {score.r:.3f}  "
            f"target variance {score.target_variance:.3f}"
        )
    if arguments.output:
        arguments.output.write_text(json.dumps([asdict(score) for score in scores], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
