"""What the tasks of ``mambamed evaluate`` share: folders by method name, and files of scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mambamed.errors import BadRequestError

__all__ = ["named_folders", "write_scores"]


def named_folders(words: list[str]) -> dict[str, Path]:
    """Return folders by method name; a word without ``NAME=`` is named after its folder.

    Raises:
        BadRequestError: two have one name.
    """
    named: dict[str, Path] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        path = Path(folder) if equals else Path(word)
        name = name if equals else path.resolve().name
        if not name or name in named:
            raise BadRequestError(f"The predictions {word!r} need a name of their own; write NAME={path}.")
        named[name] = path
    return named


def write_scores(folder: Path, texts: Mapping[str, str]) -> None:
    """Write text files into a folder, by name.

    Raises:
        BadRequestError: the folder cannot be written.
    """
    from mambamed.jobs.files import write_text_atomically

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text_atomically(folder / name, text)
    except OSError as error:
        raise BadRequestError(
            f"The output folder {folder} cannot be written ({error.strerror}); choose another one."
        ) from error
