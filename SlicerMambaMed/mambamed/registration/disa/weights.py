"""DISA networks with their weights, by the name of a model or from its folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mambamed.errors import BadRequestError
from mambamed.models.catalogue import find_model
from mambamed.models.weights import load_weights
from mambamed.registration.disa.network import DISANet

__all__ = ["DEFAULT_MODEL", "default_network", "load_network"]

DEFAULT_MODEL = "disa-lc2"


def default_network() -> DISANet:
    """The network with the bundled weights, in eval mode.

    Raises:
        BadRequestError: this installation carries no weights.
    """
    return load_network(DEFAULT_MODEL)


def load_network(model: str) -> DISANet:
    """Load a DISA network, in eval mode, float32.

    Args:
        model: identifier of a listed model, a model's folder or zip, or a file of weights (the reference
            implementation's ``.pt`` files included; nothing in them is executed).

    Raises:
        BadRequestError: there is no such model, or it is not a DISA network.
        UnsafeFileError: the file would execute code.
    """
    file = _weights_file(model)
    status = file.stat()
    return _loaded(file, status.st_size, status.st_mtime_ns)


def _weights_file(model: str) -> Path:
    path = Path(model).expanduser()
    if path.is_file() and path.suffix.lower() in (".safetensors", ".pt", ".pth", ".ckpt", ".bin"):
        return path
    try:
        entry = find_model(model)
    except BadRequestError as error:
        if model != DEFAULT_MODEL:
            raise
        raise BadRequestError(
            f'The weights "{DEFAULT_MODEL}" are not part of this installation (no such bundled model); '
            "name weights of your own (model), or use MIND-SSC."
        ) from error
    if not entry.card.weights:
        raise BadRequestError(f"The model {entry.card.id} names no weights; expected a DISA network.")
    return entry.folder / entry.card.weights[0].path


@lru_cache(maxsize=4)
def _loaded(file: Path, size_bytes: int, modified_ns: int) -> DISANet:
    """Load a file once per state of the file."""
    network = DISANet()
    try:
        network.load_state_dict({name: value.float() for name, value in load_weights(file).items()})
    except RuntimeError as error:
        raise BadRequestError(
            f"The weights {file.name} are not those of a DISA network (their names or shapes differ); choose others."
        ) from error
    return network.eval()
