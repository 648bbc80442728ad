"""Classify patches of lung by their texture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mambamed.emphysema.patterns.codes import PATCH_SIZE
from mambamed.emphysema.patterns.codes import PATTERN_CODES
from mambamed.emphysema.patterns.model import PATTERN_MODEL_ID
from mambamed.emphysema.patterns.model import PatternModel
from mambamed.emphysema.patterns.model import load_pattern_model
from mambamed.emphysema.patterns.network import PatternNetwork
from mambamed.errors import BadRequestError

__all__ = ["classify_patches", "mean_probabilities"]

_BATCH = 256


def classify_patches(
    patches_hu: np.ndarray, model: str | PatternModel = PATTERN_MODEL_ID, device: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Tell the emphysema pattern of each patch.

    Args:
        patches_hu: (N, 31, 31) HU, pixels of about 0.6 mm in an axial slice.
        model: Identifier or folder of a pattern model, or a loaded one.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; a loaded model stays on its own.

    Returns:
        Codes (N,) of ``PATTERN_CODES``, and probabilities (N, 6) in that order.

    Raises:
        BadRequestError: Patches of another shape or with values that are not finite.
    """
    patches = np.asarray(patches_hu)
    if patches.ndim != 3 or patches.shape[1:] != (PATCH_SIZE, PATCH_SIZE):
        raise BadRequestError(
            f"The patches have shape {patches.shape}; expected (N, {PATCH_SIZE}, {PATCH_SIZE}) in HU."
        )
    if not np.isfinite(patches).all():
        raise BadRequestError("The patches hold values that are not finite; expected HU.")
    loaded = model if isinstance(model, PatternModel) else load_pattern_model(model, device)
    found = [np.zeros((0, len(PATTERN_CODES)), dtype=np.float32)]
    for start in range(0, len(patches), _BATCH):
        batch = torch.from_numpy(patches[start : start + _BATCH].astype(np.float32)).to(loaded.device)
        found.append(mean_probabilities(loaded.networks, batch).cpu().numpy())
    probabilities = np.concatenate(found)
    return np.array(PATTERN_CODES)[probabilities.argmax(axis=1)], probabilities


@torch.no_grad()
def mean_probabilities(networks: list[PatternNetwork], patches_hu: Tensor, turns: bool = True) -> Tensor:
    """Return probabilities (N, 6): the mean over the networks and, with ``turns``, over the eight turned copies.

    Args:
        networks: On the device of the patches.
        patches_hu: (N, y, x).
        turns: Whether turned and mirrored copies are looked at too (eight times the work).
    """
    total = torch.zeros((len(patches_hu), len(PATTERN_CODES)), device=patches_hu.device)
    copies = [
        torch.rot90(patches_hu.flip(1) if flip else patches_hu, quarter, (1, 2))
        for flip in ((False, True) if turns else (False,))
        for quarter in (range(4) if turns else (0,))
    ]
    for copy in copies:
        for network in networks:
            total += torch.softmax(network(copy), dim=1)
    return total / (len(copies) * len(networks))
