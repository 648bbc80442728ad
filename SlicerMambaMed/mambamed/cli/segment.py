"""``mambamed segment``: one case, from image files to a segmentation with volumes and a run record."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mambamed.cli.segmentation_options import add_settings_arguments
from mambamed.cli.segmentation_options import segmentation_request
from mambamed.cli.segmentation_options import settings_from_arguments
from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed segment``."""
    parser.add_argument(
        "image",
        type=Path,
        nargs="+",
        help="image file or DICOM folder; for a model with several inputs one of each, in the model's order",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="image file to write (.nii.gz, .nrrd, .mha, ...; volumes and record get names beginning with it), or a "
        "folder",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--job", type=Path, help="keep the job directory (events, log, outputs) in this new folder")
    parser.add_argument(
        "--detach", action="store_true", help="start in the background and return; needs --job, results stay there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    add_settings_arguments(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Segment the case."""
    settings = settings_from_arguments(arguments)
    request = segmentation_request(arguments.image, settings)
    if arguments.detach:
        if arguments.job is None or arguments.output is not None:
            raise BadRequestError("--detach needs --job FOLDER and no --output: the results stay in FOLDER/outputs.")
        from mambamed.cli.running import start_in_background

        return start_in_background(request, arguments.job, arguments.json)
    if arguments.output is None:
        raise BadRequestError("Say where the result shall go with --output FILE or --output FOLDER.")

    from mambamed.cli.delivery import Delivery
    from mambamed.cli.running import run_and_deliver

    delivery = Delivery(arguments.output, "segmentation", arguments.overwrite)
    status, files = run_and_deliver(request, delivery, keep_job_in=arguments.job, quiet=arguments.json)
    if arguments.json:
        _print_json(files, status.warnings)
    else:
        _print_text(files)
    return ExitCode.DONE


def _print_json(files: dict[str, Path], warnings: tuple[str, ...]) -> None:
    from mambamed.cli.tables import read_volumes

    volumes = read_volumes(files["volumes"]) if "volumes" in files else []
    outputs = {name: str(path) for name, path in files.items()}
    print(json.dumps({"state": "done", "outputs": outputs, "volumes": volumes, "warnings": warnings}))


def _print_text(files: dict[str, Path]) -> None:
    from mambamed.cli.tables import format_table
    from mambamed.cli.tables import read_volumes

    if "volumes" in files:
        rows = read_volumes(files["volumes"])
        measure = "area_mm2" if rows and "area_mm2" in rows[0] else "volume_ml"
        header = ["Label", "Area (mm2)" if measure == "area_mm2" else "Volume (ml)"]
        print(format_table(header, [[row["name"], round(row[measure], 2)] for row in rows]))
        print()
    for name, path in files.items():
        print(f"{name}: {path}")
