"""``mambamed detect``: oriented boxes around tiny objects, on a picture or on the slices of a volume."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mambamed.cli.detection_options import add_settings_arguments
from mambamed.cli.detection_options import detection_request
from mambamed.cli.detection_options import settings_from_arguments
from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode

__all__ = ["add_arguments", "run"]

_MOST_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed detect``."""
    parser.add_argument("image", type=Path, help="picture or volume: image file or DICOM folder")
    parser.add_argument("-o", "--output", type=Path, help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--job", type=Path, help="keep the job directory (events, log, outputs) in this new folder")
    parser.add_argument(
        "--detach", action="store_true", help="start in the background and return; needs --job, results stay there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    add_settings_arguments(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Look for objects on the image."""
    request = detection_request(arguments.image, settings_from_arguments(arguments))
    if arguments.detach:
        if arguments.job is None or arguments.output is not None:
            raise BadRequestError("--detach needs --job FOLDER and no --output: the results stay in FOLDER/outputs.")
        from mambamed.cli.running import start_in_background

        return start_in_background(request, arguments.job, arguments.json)
    if arguments.output is None:
        raise BadRequestError("Say where the results shall go with --output FOLDER.")

    from mambamed.cli.delivery import Delivery
    from mambamed.cli.delivery import image_suffix
    from mambamed.cli.running import run_and_deliver
    from mambamed.jobs.files import read_json

    if image_suffix(arguments.output):
        raise BadRequestError(f"The output {arguments.output} names an image file, expected a folder.")
    delivery = Delivery(arguments.output, "", arguments.overwrite)
    status, files = run_and_deliver(request, delivery, keep_job_in=arguments.job, quiet=arguments.json)
    if arguments.json:
        outputs = {name: str(path) for name, path in files.items()}
        counts = read_json(files["record"])["counts"]
        print(json.dumps({"state": "done", "outputs": outputs, "counts": counts, "warnings": status.warnings}))
    else:
        _print_text(read_json(files["detections"]), read_json(files["record"]), files)
    return ExitCode.DONE


def _print_text(found: dict[str, Any], record: dict[str, Any], files: dict[str, Path]) -> None:
    from mambamed.cli.tables import format_table

    linked = "objects_table" in files
    rows = [[name, count["boxes"], *([count["objects"]] if linked else [])] for name, count in record["counts"].items()]
    print(format_table(["Label", "Boxes", *(["Objects"] if linked else [])], rows))
    items = found["objects"] if linked else sorted(found["boxes"], key=lambda box: -box["score"])
    if items:
        known = found["image"]["spacing_is_known"]
        unit = "mm" if known else "px"
        sizes = ["length_mm", "width_mm", "depth_mm"] if linked else [f"length_{unit}", f"width_{unit}"]
        header = ["No.", "Label", "Score", *[f"{name.split('_')[0].capitalize()} ({unit})" for name in sizes]]
        header += ["Slices"] if linked else ["Angle (degrees)"]
        print()
        print(format_table(header, [_row(item, sizes, linked) for item in items[:_MOST_ROWS]]))
        if len(items) > _MOST_ROWS:
            print(f"... and {len(items) - _MOST_ROWS} more; all are in {files['objects_table' if linked else 'table']}")
    if record["model"]["demonstration_only"]:
        print(
            f"\nThe model {record['model']['id']} is a demonstration; do not read its boxes as findings in a patient."
        )
    print()
    for name, path in files.items():
        if not name.startswith("dota:"):
            print(f"{name}: {path}")


def _row(item: dict[str, Any], sizes: list[str], linked: bool) -> list[Any]:
    row = [item["id"], item["label"], round(item["score"], 3), *[round(item[name], 1) for name in sizes]]
    if linked:
        return [*row, "{} to {}".format(*item["slices"])]
    return [*row, round(item["angle_deg"], 1)]
