"""What ``mambamed batch detection`` brings: its cases, and the counts of every label for the summary."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING
from typing import Any

from mambamed.cli.detection_options import add_settings_arguments
from mambamed.cli.detection_options import detection_request
from mambamed.cli.detection_options import settings_from_arguments
from mambamed.errors import BadRequestError

if TYPE_CHECKING:
    from mambamed.jobs.cohort import Case
    from mambamed.jobs.cohort import CaseOutcome

__all__ = ["HELP", "MAIN_OUTPUT", "SOURCE_HELP", "add_arguments", "columns", "find_cases"]

HELP = "look for oriented objects on every picture or volume of a folder or a CSV file"
SOURCE_HELP = (
    "folder of pictures, volumes or DICOM folders; or a CSV file with a header and the columns case (optional) and "
    "image"
)
MAIN_OUTPUT = "detections"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a detection."""
    add_settings_arguments(parser)


def find_cases(arguments: argparse.Namespace) -> list[Case]:
    """Return the cases; a missing image is that case's own failure.

    Raises:
        BadRequestError: the source is neither a folder nor a table of images, or a case has several.
    """
    from mambamed.cli.cases import find_cases as find_image_cases
    from mambamed.jobs.cohort import Case

    settings = settings_from_arguments(arguments)
    cases = []
    for found in find_image_cases(arguments.source):
        if len(found.images) > 1:
            names = ", ".join(image.name for image in found.images)
            raise BadRequestError(
                f"The case {found.name} has {len(found.images)} images ({names}); a detection takes one. Name them "
                "differently, or list them in a CSV file with the column image."
            )
        cases.append(Case(found.name, detection_request(found.images[0], settings, check=False)))
    return cases


def columns(outcome: CaseOutcome) -> dict[str, Any]:
    """Return the numbers of boxes and of linked objects of each label, and the largest score."""
    record = outcome.job.result() or {}
    row: dict[str, Any] = {}
    linked = "objects_table" in record.get("outputs", {})
    for name, count in record.get("counts", {}).items():
        row[f"{name} (boxes)"] = count["boxes"]
        if linked:
            row[f"{name} (objects)"] = count["objects"]
    table = outcome.job.outputs.get("detections")
    if table is not None and table.exists():
        boxes = json.loads(table.read_text(encoding="utf-8"))["boxes"]
        row["largest score"] = f"{max((box['score'] for box in boxes), default=0.0):.3f}"
    return row
