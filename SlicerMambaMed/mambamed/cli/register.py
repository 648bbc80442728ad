"""``mambamed register``: two volumes, from image files to transforms, the moved volume and a run record."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mambamed.cli.registration_options import add_settings_arguments
from mambamed.cli.registration_options import registration_request
from mambamed.cli.registration_options import settings_from_arguments
from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode

__all__ = ["add_arguments", "quality_rows", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed register``."""
    add = parser.add_argument
    add("fixed", type=Path, help="volume that stays: image file or DICOM folder")
    add("moving", type=Path, help="volume that is moved onto it")
    add(
        "-o",
        "--output",
        type=Path,
        help="image file to write (.nii.gz, .nrrd, .mha, ...: the moved volume; transforms and record get names "
        "beginning with it), or a folder",
    )
    add("--overwrite", action="store_true", help="replace outputs that exist")
    add("--job", type=Path, help="keep the job directory (events, log, outputs) in this new folder")
    add("--detach", action="store_true", help="start in the background and return; needs --job, results stay there")
    add("--json", action="store_true", help="print JSON for programs")
    group = parser.add_argument_group("further inputs")
    group.add_argument("--fixed-mask", type=Path, help="label map: where it is not 0 the fixed volume counts")
    group.add_argument("--moving-mask", type=Path, help="the same for the moving volume")
    group.add_argument("--initial-transform", type=Path, help="linear transform fixed -> moving (.tfm, .h5), LPS mm")
    group.add_argument("--fixed-landmarks", type=Path, help=".mrk.json, .fcsv or .csv (x, y, z in LPS mm)")
    group.add_argument("--moving-landmarks", type=Path, help="their partners, in the same order")
    add_settings_arguments(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Register the pair."""
    names = ("fixed", "moving", "fixed_mask", "moving_mask", "initial_transform", "fixed_landmarks", "moving_landmarks")
    files = {name.replace("_", "-"): getattr(arguments, name) for name in names}
    settings = settings_from_arguments(arguments, has_initial=arguments.initial_transform is not None)
    request = registration_request(files, settings)
    if arguments.detach:
        if arguments.job is None or arguments.output is not None:
            raise BadRequestError("--detach needs --job FOLDER and no --output: the results stay in FOLDER/outputs.")
        from mambamed.cli.running import start_in_background

        return start_in_background(request, arguments.job, arguments.json)
    if arguments.output is None:
        raise BadRequestError("Say where the result shall go with --output FILE or --output FOLDER.")

    from mambamed.cli.delivery import Delivery
    from mambamed.cli.running import run_and_deliver
    from mambamed.jobs.files import read_json

    delivery = Delivery(arguments.output, "warped", arguments.overwrite)
    status, files_by_role = run_and_deliver(request, delivery, keep_job_in=arguments.job, quiet=arguments.json)
    quality = read_json(files_by_role["record"]).get("quality", {})
    outputs = {name: str(path) for name, path in files_by_role.items()}
    if arguments.json:
        content = {"state": "done", "outputs": outputs, "quality": quality, "warnings": status.warnings}
        print(json.dumps(content))
        return ExitCode.DONE
    from mambamed.cli.tables import format_table

    print(format_table(["Measure", "Value"], [list(row) for row in quality_rows(quality)]))
    print()
    for name, place in outputs.items():
        print(f"{name}: {place}")
    return ExitCode.DONE


def quality_rows(quality: dict[str, Any]) -> list[tuple[str, str]]:
    """The quality of a record in words and numbers, for a table."""
    rows = []
    if similarity := quality.get("similarity"):
        values = f"{similarity['before']:.3f} -> {similarity['after']:.3f}"
        rows.append((f"Similarity ({similarity['name']}), before -> after", values))
    if spread := quality.get("restart_spread"):
        agreeing = f"{spread['agreeing']} of {spread['starts']}, within {spread['agreement_mm']:g} mm"
        rows.append(("Starts that agree", agreeing))
        rows.append(("Their spread", f"{spread['spread_mm']:.2f} mm, {spread['spread_deg']:.2f} degrees"))
    if landmarks := quality.get("landmarks"):
        values = f"{landmarks['before_mean_mm']:.2f} -> {landmarks['after_mean_mm']:.2f} mm"
        rows.append(("Landmark error, mean, before -> after", values))
    if overlap := quality.get("overlap_percent"):
        rows.append(("Overlap, before -> after", f"{overlap['before']:.0f} -> {overlap['after']:.0f} %"))
    if jacobian := quality.get("jacobian"):
        values = f"{jacobian['minimum']:.2f} to {jacobian['maximum']:.2f}, mean {jacobian['mean']:.2f}"
        rows.append(("Jacobian determinant", values))
        rows.append(("Folded", f"{quality['folded_percent']:.3f} %"))
    if consistency := quality.get("inverse_consistency_mm"):
        rows.append(("Transform and inverse disagree by", f"{consistency['mean']:.3f} mm (mean)"))
    return rows
