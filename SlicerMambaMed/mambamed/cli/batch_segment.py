"""What ``mambamed batch segment`` brings: its cases, and the volume of every label for the summary."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from mambamed.cli.segmentation_options import add_settings_arguments
from mambamed.cli.segmentation_options import segmentation_request
from mambamed.cli.segmentation_options import settings_from_arguments

if TYPE_CHECKING:
    from mambamed.jobs.cohort import Case
    from mambamed.jobs.cohort import CaseOutcome

__all__ = ["HELP", "MAIN_OUTPUT", "SOURCE_HELP", "add_arguments", "columns", "find_cases"]

HELP = "segment every case of a folder or a CSV file"
SOURCE_HELP = (
    "folder of images, DICOM folders or nnU-Net channels (CASE_0000.nii.gz, ...); or a CSV file with a header "
    "and the columns case (optional) and image (image_2, ... for more channels)"
)
MAIN_OUTPUT = "segmentation"
_MEASURES = (("volume_ml", "ml"), ("area_mm2", "mm2"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a segmentation."""
    add_settings_arguments(parser)


def find_cases(arguments: argparse.Namespace) -> list[Case]:
    """Return the cases; a missing image is that case's own failure: the request names it, the engine refuses it."""
    from mambamed.cli.cases import find_cases as find_image_cases
    from mambamed.jobs.cohort import Case

    settings = settings_from_arguments(arguments)
    cases = []
    for found in find_image_cases(arguments.source):
        request = segmentation_request([], settings)
        inputs = [
            {"name": f"image {number}", "path": str(image.absolute()), "sha256": None}
            for number, image in enumerate(found.images, start=1)
        ]
        cases.append(Case(found.name, replace(request, inputs=inputs)))
    return cases


def columns(outcome: CaseOutcome) -> dict[str, Any]:
    """Return a column per label with its volume (area for 2D images)."""
    from mambamed.cli.tables import read_volumes

    table = outcome.job.outputs.get("volumes")
    rows = read_volumes(table) if table is not None and table.exists() else []
    return {f"{row['name']} ({unit})": row[measure] for row in rows for measure, unit in _MEASURES if measure in row}
