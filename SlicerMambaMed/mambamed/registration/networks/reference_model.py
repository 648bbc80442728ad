"""Model folders of the authors' checkpoints: which network it is and its sizes are read from the names and shapes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.models.card import CardInput
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.checkpoint import read_restricted
from mambamed.models.weights import load_weights
from mambamed.registration.networks.description import IntensityNormalisation
from mambamed.registration.networks.description import NetworkDescription
from mambamed.registration.networks.factory import build
from mambamed.registration.networks.model import save_network
from mambamed.registration.networks.reference_weights import load_reference_weights
from mambamed.registration.networks.reference_weights import reference_names

__all__ = ["import_reference_network", "reference_arguments"]

_PAPER_GRID = (128, 128, 128)
_PAPER_SPACING_MM = 1.5
_PAPER_WINDOW = (5, 6, 7)


def import_reference_network(
    file: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    grid_shape: tuple[int, int, int] = _PAPER_GRID,
    spacing_mm: float = _PAPER_SPACING_MM,
) -> ModelCard:
    """Make a model folder of a checkpoint of VMambaMorph's public code; nothing in the file is executed.

    The network is built in reference mode, faults included. What a checkpoint does not hold is taken as published: 7
    integration steps, a position code, intensities from 0 to 1 between their extremes.

    Args:
        file: checkpoint (``.pt``, ``.pth``, ``.safetensors``) of one of the four networks, with or without features.
        folder: model folder to write.
        grid_shape: voxels (x, y, z) of the volumes that it was trained on.
        spacing_mm: their size.

    Returns:
        The card that was written; it says that training data and licence are not known.

    Raises:
        BadRequestError: the file is no checkpoint of these networks.
        UnsafeFileError: it would execute code.
    """
    path = Path(file)
    weights = _read(path)
    name, arguments = reference_arguments(weights)
    description = NetworkDescription(
        name,
        mode="reference",
        arguments=arguments,
        grid_shape=grid_shape,
        spacing_mm=spacing_mm,
        intensity=IntensityNormalisation(0.0, 100.0),
    )
    network = load_reference_weights(build(name, **description.build_arguments), weights)
    identifier = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._") or name
    card = ModelCard(
        id=identifier,
        version="0.0.0",
        title=f"{name} from {path.name}",
        task="registration",
        modality="not stated",
        inputs=(CardInput("fixed", "Fixed volume"), CardInput("moving", "Moving volume")),
        network=f"{name}, as published (reference mode)",
        weights=(CardWeights("weights.safetensors"),),
        spacing_mm=(spacing_mm,) * 3,
        training_data=f"Not stated in the checkpoint {path.name}.",
        licence="Not stated in the checkpoint; ask its authors.",
        limits=("Nothing is known of its training: check every result.",),
        intended_use="Research with a published checkpoint. Not for clinical use.",
        demonstration_only=True,
        derived=True,
    )
    return save_network(folder, network, description, card)


def reference_arguments(weights: Mapping[str, Tensor]) -> tuple[str, dict[str, Any]]:
    """Tell which network some weights of the public code belong to.

    Args:
        weights: tensors by the public code's names.

    Returns:
        Its name and the settings of ``build`` that its shapes tell.

    Raises:
        BadRequestError: they belong to none of the four networks.
    """
    shapes = {name: tuple(value.shape) for name, value in reference_names(weights).items()}
    suffix = "_feat" if any(name.startswith("feature_extractor.") for name in shapes) else ""
    try:
        if "unet_model.encoder.0.0.main.weight" in shapes:
            return f"voxelmorph{suffix}", _voxelmorph(shapes, bool(suffix))
        embed_dim = shapes["transformer.patch_embed.proj.weight"][0]
        own: dict[str, Any]
        common: dict[str, Any] = {"embed_dim": embed_dim, "head_channels": shapes["reg_head.0.weight"][1]}
        first = "transformer.layers.0."
        if f"{first}mamba.A_log" in shapes:
            inner, state_size = shapes[f"{first}mamba.A_log"]
            taps = shapes[f"{first}mamba.conv1d.weight"][-1]
            own = {"state_size": state_size, "convolution_taps": taps, "expansion": inner // embed_dim}
            return f"mambamorph{suffix}", {**common, **own}
        attention = f"{first}mamba.0.self_attention."
        if f"{attention}A_logs" in shapes:
            own = {
                "state_size": shapes[f"{attention}A_logs"][-1],
                "expansion": shapes[f"{attention}conv3d.bias"][0] // embed_dim,
                "depths": _depths(shapes, "mamba"),
            }
            return f"vmambamorph{suffix}", {**common, **own}
        return f"transmorph{suffix}", {**common, **_transmorph(shapes, embed_dim)}
    except (KeyError, IndexError) as error:
        raise BadRequestError(
            "The weights are not those of VMambaMorph, MambaMorph, TransMorph or VoxelMorph as published with "
            f"VMambaMorph (nothing is called {error}); choose such a checkpoint."
        ) from error


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.suffix.lower() != ".safetensors":
        content = read_restricted(path)
        # VoxelMorph's files.
        if isinstance(content, Mapping) and isinstance(content.get("model_state"), Mapping):
            return dict(content["model_state"])
    return load_weights(path)


def _voxelmorph(shapes: Mapping[str, tuple[int, ...]], features: bool) -> dict[str, Any]:
    encoder, decoder = _u_net(shapes, "unet_model.")
    arguments: dict[str, Any] = {"encoder_channels": encoder, "decoder_channels": decoder}
    if features:
        arguments["feature_channels"] = list(_u_net(shapes, "feature_extractor."))
    return arguments


def _u_net(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> tuple[list[int], list[int]]:
    """Channels of the levels, and of the decoder with the convolutions at full size."""
    encoder = _numbered(shapes, prefix + "encoder.{}.0.main.weight")
    decoder = _numbered(shapes, prefix + "decoder.{}.0.main.weight")
    return encoder, decoder + _numbered(shapes, prefix + "remaining.{}.main.weight")


def _numbered(shapes: Mapping[str, tuple[int, ...]], pattern: str) -> list[int]:
    found: list[int] = []
    while (name := pattern.format(len(found))) in shapes:
        found.append(shapes[name][0])
    return found


def _depths(shapes: Mapping[str, tuple[int, ...]], part: str) -> list[int]:
    """Blocks of each stage."""
    pattern = re.compile(rf"transformer\.layers\.(\d+)\.{part}\.(\d+)\.")
    counts: dict[int, int] = {}
    for name in shapes:
        if match := pattern.match(name):
            stage, block = int(match[1]), int(match[2])
            counts[stage] = max(counts.get(stage, 0), block + 1)
    return [counts[stage] for stage in sorted(counts)]


def _transmorph(shapes: Mapping[str, tuple[int, ...]], embed_dim: int) -> dict[str, Any]:
    block = "transformer.layers.{}.blocks.0."
    table = "attn.relative_position_bias_table"
    depths = _depths(shapes, "blocks")
    heads = [shapes[block.format(stage) + table][1] for stage in range(len(depths))]
    positions = shapes[block.format(0) + table][0]
    window = list(_PAPER_WINDOW)
    if positions != math.prod(2 * side - 1 for side in window):
        side = (round(positions ** (1 / 3)) + 1) // 2
        window = [side] * 3
    return {
        "depths": depths,
        "heads": heads,
        "window": window,
        "expansion": shapes[block.format(0) + "mlp.fc1.weight"][0] / embed_dim,
        "projection_bias": f"{block.format(0)}attn.qkv.bias" in shapes,
    }
