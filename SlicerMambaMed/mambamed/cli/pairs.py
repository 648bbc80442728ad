"""The list of pairs of a registration batch, from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mambamed.errors import BadRequestError
from mambamed.imaging.suffixes import IMAGE_SUFFIXES
from mambamed.jobs.cohort import check_case_name

__all__ = ["COLUMNS", "ImagePair", "find_pairs"]

COLUMNS: Mapping[str, str] = {
    "fixed": "fixed",
    "moving": "moving",
    "fixed_mask": "fixed-mask",
    "moving_mask": "moving-mask",
    "initial_transform": "initial-transform",
    "fixed_landmarks": "fixed-landmarks",
    "moving_landmarks": "moving-landmarks",
}
"""Column of the file -> name of the input of the job ``register``."""


@dataclass(frozen=True)
class ImagePair:
    """A pair to register.

    Attributes:
        name: the case, which names its folder in the output.
        files: path by the name that the job ``register`` gives to the input; always ``fixed`` and ``moving``.
    """

    name: str
    files: Mapping[str, Path]


def find_pairs(table: Path) -> list[ImagePair]:
    """Return the pairs of a CSV file in its order.

    The file has a header. Its columns ``fixed`` and ``moving`` are needed; ``case`` (a name; else it is made of the
    two file names), ``fixed_mask``, ``moving_mask``, ``initial_transform``, ``fixed_landmarks`` and
    ``moving_landmarks`` may be there, and their cells may be empty. Paths are relative to the CSV file.

    Raises:
        BadRequestError: the file does not exist, has another form, or holds no pair.
    """
    if not table.is_file():
        raise BadRequestError(f"{table} does not exist; expected a CSV file with the columns fixed and moving.")
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequestError(f"{table} cannot be read as a CSV file ({error}).") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    for needed in ("fixed", "moving"):
        if needed not in header:
            raise BadRequestError(
                f"{table} has no column {needed}; found: {', '.join(header) or 'nothing'}. "
                "Its first line must name the columns, for example: case,fixed,moving"
            )
    unknown = [name for name in header if name and name != "case" and name not in COLUMNS]
    if unknown:
        raise BadRequestError(
            f"{table} has unknown columns: {', '.join(unknown)}; known are case, {', '.join(COLUMNS)}."
        )
    pairs: list[ImagePair] = []
    for number, row in enumerate(rows[1:], start=2):
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=False) if cell.strip()}
        if not cells:
            continue
        for needed in ("fixed", "moving"):
            if needed not in cells:
                raise BadRequestError(f"Line {number} of {table} lacks the path of the {needed} volume.")
        files = {COLUMNS[name]: (table.parent / cell).absolute() for name, cell in cells.items() if name in COLUMNS}
        name = cells.get("case") or f"{_stem(files['moving'])}_to_{_stem(files['fixed'])}"
        if any(pair.name == name for pair in pairs):
            raise BadRequestError(f'Line {number} of {table} names the case "{name}" a second time; give each its own.')
        pairs.append(ImagePair(check_case_name(name), files))
    if not pairs:
        raise BadRequestError(f"There is no pair in {table}: expected at least one line below the header.")
    return pairs


def _stem(path: Path) -> str:
    suffix = next((suffix for suffix in IMAGE_SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]
