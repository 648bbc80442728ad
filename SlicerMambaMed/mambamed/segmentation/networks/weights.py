"""State dicts of segmentation networks: second names of the same tensor, and loading with understandable errors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.segmentation.networks.blocks import MambaLayer

__all__ = ["alias_names", "load_network_weights", "without_aliases"]

_WRAPPER_PREFIXES = ("_orig_mod.", "module.")


def alias_names(network: nn.Module) -> dict[str, str]:
    """Return the second names in the network's state dict, each with the first name of the same tensor.

    nnU-Net's networks keep the encoder also inside the decoder, and each block of convolution and norm also as a
    sequence, so most tensors have two to four names.
    """
    first_names: dict[int, str] = {}
    aliases = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        canonical = first_names.setdefault(id(tensor), name)
        if canonical != name:
            aliases[name] = canonical
    return aliases


def without_aliases(network: nn.Module, state: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Return a state dict (by default the network's own) with each tensor under its first name only."""
    aliases = alias_names(network)
    return {name: tensor for name, tensor in (state or network.state_dict()).items() if name not in aliases}


def load_network_weights(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights into a network, strictly, and say in words what does not fit.

    Accepts the full state dict of nnU-Net and U-Mamba checkpoints, one without the second names, and names that
    compiled or distributed training has prefixed. Values are converted to the precision of the network.

    Raises:
        BadRequestError: Tensors are missing, unknown or of another shape; the network is then unchanged.
    """
    prefixes = tuple(prefix for prefix in _WRAPPER_PREFIXES if all(name.startswith(prefix) for name in state))
    given = {name[len(prefixes[0]) :]: value for name, value in state.items()} if prefixes and state else dict(state)
    own = network.state_dict()
    aliases = alias_names(network)
    for alias, canonical in aliases.items():
        if canonical not in given and alias in given:
            given[canonical] = given[alias]
    missing = [name for name in own if name not in aliases and name not in given]
    unknown = [name for name in given if name not in own]
    if missing or unknown:
        parts = [_listing(names, what) for names, what in ((missing, "are missing"), (unknown, "are unknown")) if names]
        raise BadRequestError(
            f"The weights do not belong to this network ({type(network).__name__}): {'; '.join(parts)}. Expected the "
            "weights of the network that the plans and the trainer name; check that they are of the same model."
        )
    for name, tensor in own.items():
        value = given.get(name)
        if value is not None and value.shape != tensor.shape:
            raise BadRequestError(_shape_message(network, name, tuple(value.shape), tuple(tensor.shape)))
    with torch.no_grad():
        for name, tensor in network.state_dict(keep_vars=True).items():
            if name not in aliases:
                tensor.copy_(given[name])


def _listing(names: list[str], what: str) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} tensors {what} ({shown})"


def _shape_message(network: nn.Module, name: str, found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    layer = _enclosing_mamba_layer(network, name)
    if layer is not None and layer.channel_token:
        return (
            f"The weights were trained for another patch size: {name} has the shape {list(found)}, and this network "
            f"needs {list(expected)}. In this stage of U-Mamba Enc the channels are the tokens, so the weights are as "
            "wide as the planned patch has voxels there; they cannot be used with any other patch size. Use the plans "
            "with which the model was trained."
        )
    return (
        f"The weights do not fit this network: {name} has the shape {list(found)}, expected {list(expected)}. Use the "
        "plans and data set description with which the model was trained."
    )


def _enclosing_mamba_layer(network: nn.Module, name: str) -> MambaLayer | None:
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module = network.get_submodule(".".join(parts[:end]))
        if isinstance(module, MambaLayer):
            return module
    return None
