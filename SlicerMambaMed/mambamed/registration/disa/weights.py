"""The bundled weights of the DISA network."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from safetensors.torch import load_file

from mambamed.errors import BadRequestError
from mambamed.registration.disa.network import DISANet

__all__ = ["DEFAULT_MODEL", "bundled_weights_file", "default_network"]

DEFAULT_MODEL = "disa-lc2"


def bundled_weights_file() -> Path:
    """Where the bundled weights lie (the file is there only if the installation carries them)."""
    return Path(__file__).parents[2] / "models" / "bundled" / DEFAULT_MODEL / "weights.safetensors"


@lru_cache(maxsize=1)
def default_network() -> DISANet:
    """The network with the bundled weights, in eval mode.

    Raises:
        BadRequestError: this installation carries no weights.
    """
    file = bundled_weights_file()
    if not file.is_file():
        raise BadRequestError(
            f'The weights "{DEFAULT_MODEL}" are not part of this installation (no such bundled model); '
            "pass a network with weights of your own (network=...), or use MIND-SSC."
        )
    network = DISANet()
    network.load_state_dict(load_file(file))
    return network.eval()
