"""Which models there are: those that come with the engine, those in the user's folder, and any folder or zip."""

from __future__ import annotations

import logging
import os
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mambamed.errors import BadRequestError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.archive import unpack_model
from mambamed.models.card import CARD_NAME
from mambamed.models.card import ModelCard
from mambamed.models.derive import derive_card
from mambamed.models.derive import is_result_folder
from mambamed.user_folders import user_models_folder

__all__ = ["CatalogueEntry", "bundled_models_folder", "find_model", "list_models", "verify_weights"]

_log = logging.getLogger("mambamed")

_SEARCH_PATTERNS = ("*", "*/*", "*/*/*")


@dataclass(frozen=True)
class CatalogueEntry:
    """A model that can be used: its card, the folder in which it lies, and whether it comes with the engine."""

    card: ModelCard
    folder: Path
    is_bundled: bool


def bundled_models_folder() -> Path:
    """Return the folder of the models that come with the engine."""
    return Path(__file__).parent / "bundled"


def list_models(user_folder: Path | None = None) -> list[CatalogueEntry]:
    """Return the bundled models, then those in the user's folder, each by name; unreadable ones are logged, not listed.

    Args:
        user_folder: Folder with one folder per model; by default ``user_models_folder()``.
    """
    entries = []
    for home, is_bundled in ((bundled_models_folder(), True), (user_folder or user_models_folder(), False)):
        for folder in _model_folders(home):
            try:
                entries.append(_entry(folder, is_bundled))
            except BadRequestError as error:
                _log.warning("A model is left out of the list. %s", error)
    return entries


def find_model(model: str | os.PathLike[str], user_folder: Path | None = None) -> CatalogueEntry:
    """Find a model and make sure that its weights are those of its card.

    Args:
        model: Identifier of a listed model; or a folder with a model card, a result folder of nnU-Net v2 or U-Mamba,
            a folder with one of these in it; or a zip of such a folder.
        user_folder: Folder with the user's models; by default ``user_models_folder()``.

    Returns:
        The model. A zip is unpacked into the user's cache folder.

    Raises:
        BadRequestError: No such model, not a model, weights that differ from the card's checksum.
        UnsafeFileError: A zip that would write outside its folder, holds links, or unpacks to absurd sizes.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        entry = _entry(_model_folder_in(path), _is_bundled(path))
    elif path.is_file():
        if not zipfile.is_zipfile(path):
            raise BadRequestError(f"The file {path} is not a model: expected a model's folder or a zip of it.")
        entry = _entry(_model_folder_in(unpack_model(path), path), False)
    else:
        entry = _listed(str(model), user_folder)
    verify_weights(entry)
    return entry


def verify_weights(entry: CatalogueEntry) -> None:
    """Check that the weights are there and have the checksums of the card (derived cards have none).

    Raises:
        BadRequestError: A file is missing or differs.
    """
    for weights in entry.card.weights:
        path = entry.folder / weights.path
        if not path.is_file():
            raise BadRequestError(
                f"The model {entry.card.id} in {entry.folder} lacks its weights {weights.path}. Copy or download the "
                "model again."
            )
        if weights.sha256 is None:
            continue
        status = path.stat()
        if _checksum(path, status.st_size, status.st_mtime_ns) != weights.sha256:
            raise BadRequestError(
                f"The weights {path} are not those that the model card describes (their SHA-256 differs): the file is "
                "damaged or was replaced. Copy or download the model again."
            )


@lru_cache(maxsize=64)
def _checksum(path: Path, size_bytes: int, modified_ns: int) -> str:
    """Return the SHA-256 of a file, computed once per state of the file."""
    return sha256_of_file(path)


def _listed(name: str, user_folder: Path | None) -> CatalogueEntry:
    entries = list_models(user_folder)
    for entry in entries:
        if name == entry.card.id:
            return entry
    known = ", ".join(entry.card.id for entry in entries) or "none"
    raise BadRequestError(
        f"There is no model {name!r}: it is neither a folder nor a zip, nor one of the listed models ({known})."
    )


def _entry(folder: Path, is_bundled: bool) -> CatalogueEntry:
    card = ModelCard.read(folder) if (folder / CARD_NAME).is_file() else derive_card(folder)
    return CatalogueEntry(card, folder, is_bundled)


def _is_bundled(folder: Path) -> bool:
    return folder.resolve().is_relative_to(bundled_models_folder().resolve())


def _is_model_folder(folder: Path) -> bool:
    return (folder / CARD_NAME).is_file() or is_result_folder(folder)


def _model_folders(home: Path) -> list[Path]:
    """Return the model folders below a folder, at most three levels down, outermost first."""
    if not home.is_dir():
        return []
    found: list[Path] = []
    for pattern in _SEARCH_PATTERNS:
        for folder in sorted(home.glob(pattern)):
            if folder.is_dir() and _is_model_folder(folder) and not any(outer in folder.parents for outer in found):
                found.append(folder)
    return found


def _model_folder_in(folder: Path, shown: Path | None = None) -> Path:
    """Return the folder itself if it is a model, else the only model in it."""
    if _is_model_folder(folder):
        return folder
    found = _model_folders(folder)
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadRequestError(
            f"{shown or folder} is not a model: expected {CARD_NAME}, or plans.json, dataset.json and fold_* folders "
            "as nnU-Net v2 and U-Mamba write them (Dataset.../Trainer__Plans__Configuration)."
        )
    names = ", ".join(path.relative_to(folder).as_posix() for path in found)
    raise BadRequestError(f"{shown or folder} holds {len(found)} models, expected one; choose one of: {names}.")
