"""What ``mambamed batch emphysema`` brings: its cases, and the measures of every region for the summary."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from mambamed.cli.emphysema_options import add_settings_arguments
from mambamed.cli.emphysema_options import emphysema_request
from mambamed.cli.emphysema_options import settings_from_arguments
from mambamed.errors import BadRequestError

if TYPE_CHECKING:
    from mambamed.emphysema.settings import EmphysemaSettings
    from mambamed.jobs.cohort import Case
    from mambamed.jobs.cohort import CaseOutcome

__all__ = ["HELP", "MAIN_OUTPUT", "SOURCE_HELP", "add_arguments", "columns", "find_cases"]

HELP = "analyse every chest CT of a folder or a CSV file"
SOURCE_HELP = (
    "folder of chest CTs (image files or DICOM folders); or a CSV file with a header, the column ct (or image), and "
    "optionally case, lungs, lobes, expert, previous_ct, previous_lungs, previous_lobes, kernel, slice_thickness_mm, "
    "kilovolt_peak, contrast (yes or no), manufacturer"
)
MAIN_OUTPUT = "measures"
_FILES = ("ct", "lungs", "lobes", "expert", "previous_ct", "previous_lungs", "previous_lobes")
_ACQUISITION = ("kernel", "slice_thickness_mm", "kilovolt_peak", "contrast", "manufacturer")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of an emphysema analysis."""
    add_settings_arguments(parser)


def find_cases(arguments: argparse.Namespace) -> list[Case]:
    """Return the cases; a missing image is that case's own failure.

    Raises:
        BadRequestError: the source is neither a folder nor a table of CTs.
    """
    from mambamed.cli.cases import find_cases as find_image_cases
    from mambamed.jobs.cohort import Case

    settings = settings_from_arguments(arguments)
    source: Path = arguments.source
    if source.is_file() and source.suffix.lower() == ".csv":
        return _cases_of_table(source, settings)
    return [
        Case(found.name, emphysema_request({"ct": found.images[0]}, settings, check=False))
        for found in find_image_cases(source)
    ]


def _cases_of_table(table: Path, settings: EmphysemaSettings) -> list[Case]:
    from mambamed.cli.delivery import image_suffix
    from mambamed.jobs.cohort import Case
    from mambamed.jobs.cohort import check_case_name

    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            names = {name: name.strip().lower() for name in reader.fieldnames or ()}
            rows = [{names[key]: (value or "").strip() for key, value in row.items() if key in names} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequestError(f"{table} cannot be read as a CSV file ({error}).") from error
    if not {"ct", "image"} & set(names.values()):
        raise BadRequestError(
            f"{table} has no column ct or image; found: {', '.join(names.values()) or 'nothing'}. Its first line must "
            "name the columns, for example: case,ct,kernel"
        )
    cases = []
    for number, row in enumerate(rows, start=2):
        if not any(row.values()):
            continue
        row["ct"] = row.get("ct") or row.get("image", "")
        if not row["ct"]:
            raise BadRequestError(f"Line {number} of {table} lacks the path of a CT.")
        files = {name: (table.parent / row[name]).absolute() if row.get(name) else None for name in _FILES}
        path = files["ct"]
        assert path is not None
        name = row.get("case") or path.name[: len(path.name) - len(image_suffix(path))]
        case_settings = _with_acquisition(settings, row, f"Line {number} of {table}")
        cases.append(Case(check_case_name(name), emphysema_request(files, case_settings, check=False)))
    if not cases:
        raise BadRequestError(f"There is no case in {table}: expected a line per CT below the names of the columns.")
    return cases


def _with_acquisition(settings: EmphysemaSettings, row: dict[str, str], place: str) -> EmphysemaSettings:
    """Return the settings with what a row says about how its scan was made."""
    values: dict[str, Any] = {name: row[name] for name in _ACQUISITION if row.get(name)}
    if "contrast" in values:
        if values["contrast"].lower() not in ("yes", "no"):
            raise BadRequestError(f'{place} has "{values["contrast"]}" for contrast, expected yes or no.')
        values["contrast"] = values["contrast"].lower() == "yes"
    if not values:
        return settings
    return settings.replace(acquisition={**settings.acquisition.to_json(), **values})


def columns(outcome: CaseOutcome) -> dict[str, Any]:
    """Return grade and patterns, then every measure of every region."""
    record = outcome.job.result() or {}
    row: dict[str, Any] = {}
    severity = record.get("severity")
    if severity:
        row["severity"] = severity.get("grade")
        row["severity expected_grade"] = _short(severity.get("expected_grade"))
        row["severity spread"] = _short(severity.get("spread"))
        row["severity is demonstration"] = severity.get("demonstration")
    for code, percent in ((record.get("patterns") or {}).get("percent", {}).get("whole lung", {})).items():
        row[f"whole lung {code}_percent"] = _short(percent)
    for region, measures in record.get("regions", {}).items():
        for name, value in measures.items():
            row[f"{region} {name}"] = _short(value)
    for region, change in ((record.get("change") or {}).get("regions", {})).items():
        for name, value in change.items():
            if isinstance(value, int | float):
                row[f"{region} change {name}"] = _short(value)
    return row


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
