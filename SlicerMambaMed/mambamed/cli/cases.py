"""The list of cases of a batch: from a folder of images or from a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mambamed.errors import BadRequestError
from mambamed.imaging.suffixes import IMAGE_SUFFIXES
from mambamed.jobs.cohort import check_case_name

__all__ = ["ImageCase", "find_cases"]

_CHANNEL_NUMBER = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")


@dataclass(frozen=True)
class ImageCase:
    """A case and its images, one per channel, in the model's order."""

    name: str
    images: tuple[Path, ...]


def find_cases(source: Path) -> list[ImageCase]:
    """Return the cases of a folder or of a CSV file, sorted by name (folder) or in the file's order (CSV).

    In a folder every image file and every folder of DICOM files is a case; files named as in nnU-Net,
    ``<case>_0000.nii.gz``, ``<case>_0001.nii.gz``, ... are the channels of one case. A CSV file has a header; its
    column ``case`` (optional) names the case and its columns whose names begin with ``image`` are the channels, as
    paths relative to the CSV file.

    Raises:
        BadRequestError: the source does not exist, has another form, or holds no case.
    """
    if source.is_dir():
        cases = _cases_of_folder(source)
    elif source.is_file() and source.suffix.lower() == ".csv":
        cases = _cases_of_table(source)
    else:
        found = "is neither" if source.exists() else "does not exist; expected"
        raise BadRequestError(f"{source} {found} a folder of images or a .csv file with the columns case and image.")
    if not cases:
        raise BadRequestError(f"There is no case in {source}: expected image files (.nii.gz, .nrrd, ...).")
    return cases


def _cases_of_folder(folder: Path) -> list[ImageCase]:
    channels: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        suffix = next((suffix for suffix in IMAGE_SUFFIXES if path.name.lower().endswith(suffix)), "")
        if path.is_dir():
            if any(item.is_file() for item in path.iterdir()):
                channels.setdefault(path.name, []).append(path)
        elif suffix and not (suffix == ".img" and path.with_suffix(".hdr").exists()):  # one image, two files
            stem = path.name[: -len(suffix)]
            numbered = _CHANNEL_NUMBER.match(stem)
            channels.setdefault(numbered["case"] if numbered else stem, []).append(path)
    return [ImageCase(check_case_name(name), tuple(paths)) for name, paths in channels.items()]


def _cases_of_table(table: Path) -> list[ImageCase]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequestError(f"{table} cannot be read as a CSV file ({error}).") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    image_columns = [index for index, name in enumerate(header) if name.startswith("image")]
    if not image_columns:
        raise BadRequestError(
            f"{table} has no column whose name begins with image; found: {', '.join(header) or 'nothing'}. "
            "Its first line must name the columns, for example: case,image"
        )
    case_column = header.index("case") if "case" in header else None
    cases = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        cells = [row[index].strip() if index < len(row) else "" for index in image_columns]
        if not all(cells):
            raise BadRequestError(f"Line {number} of {table} lacks the path of an image.")
        images = tuple((table.parent / cell).absolute() for cell in cells)
        named = row[case_column].strip() if case_column is not None and case_column < len(row) else ""
        cases.append(ImageCase(check_case_name(named or _stem(images)), images))
    return cases


def _stem(images: Sequence[Path]) -> str:
    name = images[0].name
    suffix = next((suffix for suffix in IMAGE_SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]
