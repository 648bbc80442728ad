"""``mambamed emphysema``: one chest CT, from an image file or DICOM folder to measures, maps, report and run record."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import Any

from mambamed.cli.emphysema_options import add_settings_arguments
from mambamed.cli.emphysema_options import emphysema_request
from mambamed.cli.emphysema_options import settings_from_arguments
from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode

__all__ = ["add_arguments", "run"]

_SHOWN = (("volume_l", "Volume (l)"), ("mean_hu", "Mean (HU)"), ("perc15_hu", "Perc15 (HU)"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed emphysema``."""
    parser.add_argument("ct", type=Path, help="chest CT: image file or DICOM folder")
    parser.add_argument("-o", "--output", type=Path, help="folder for the results")
    parser.add_argument("--lungs", type=Path, help="label map of the lungs to use instead of finding them")
    parser.add_argument(
        "--lung-model", metavar="MODEL", help="find the lungs (or lobes) with this segmentation model: name or folder"
    )
    parser.add_argument("--lobes", type=Path, help="label map of the lobes, for measures by lobe")
    parser.add_argument("--expert", type=Path, help="label map of emphysema drawn by a person, to check explanations")
    parser.add_argument("--previous", type=Path, help="earlier CT of the same patient: change per region")
    parser.add_argument("--previous-lungs", type=Path, help="label map of the lungs on the earlier CT")
    parser.add_argument("--previous-lobes", type=Path, help="label map of the lobes on the earlier CT")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--job", type=Path, help="keep the job directory (events, log, outputs) in this new folder")
    parser.add_argument(
        "--detach", action="store_true", help="start in the background and return; needs --job, results stay there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    add_settings_arguments(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Analyse the case."""
    files = {
        "ct": arguments.ct,
        "lungs": arguments.lungs,
        "lobes": arguments.lobes,
        "expert": arguments.expert,
        "previous_ct": arguments.previous,
        "previous_lungs": arguments.previous_lungs,
        "previous_lobes": arguments.previous_lobes,
    }
    settings = settings_from_arguments(arguments)
    request = emphysema_request(files, settings)
    if arguments.lung_model and (arguments.detach or arguments.lungs or arguments.lobes):
        raise BadRequestError(
            "--lung-model finds the lungs itself, in the foreground: leave out --detach, --lungs, --lobes."
        )
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
    with contextlib.ExitStack() as stack:
        engine = None
        if arguments.lung_model:
            from mambamed.cli.lung_model import lungs_by_model
            from mambamed.jobs.engine import Engine

            engine = stack.enter_context(Engine())
            request = stack.enter_context(
                lungs_by_model(arguments.lung_model, files, settings, delivery, engine, arguments.json)
            )
        status, delivered = run_and_deliver(
            request, delivery, keep_job_in=arguments.job, quiet=arguments.json, engine=engine
        )
    record = read_json(delivered["record"])
    if arguments.json:
        outputs = {name: str(path) for name, path in delivered.items()}
        kept = {name: record.get(name) for name in ("regions", "severity", "patterns", "change", "warning_kinds")}
        print(json.dumps({"state": "done", "outputs": outputs, "warnings": status.warnings, **kept}))
    else:
        _print_text(record, delivered)
    return ExitCode.DONE


def _print_text(record: dict[str, Any], files: dict[str, Path]) -> None:
    from mambamed.cli.tables import format_table

    regions: dict[str, dict[str, Any]] = record["regions"]
    thresholds = [name for name in next(iter(regions.values())) if name.startswith("laa")]
    columns = [*_SHOWN, *[(name, f"LAA-{name[3:].split('_')[0]} (%)") for name in thresholds]]
    rows = [[name, *[_rounded(measures[key]) for key, _ in columns]] for name, measures in regions.items()]
    print(format_table(["Region", *[title for _, title in columns]], rows))
    preparation = record["preparation"]
    print(
        f"\nNoise filter: {preparation['noise_filter']}. "
        f"Calibration by tracheal air: {preparation['tracheal_air_calibration']}."
    )
    if record.get("severity"):
        _print_severity(record["severity"])
    if record.get("change"):
        _print_change(record["change"])
    print()
    for name, path in files.items():
        print(f"{name}: {path}")


def _print_severity(severity: dict[str, Any]) -> None:
    from mambamed.emphysema.report.severity_section import severity_in_words

    pairs = zip(severity["classes"], severity["probabilities"], strict=True)
    print("Severity: " + ", ".join(f"{name} {100 * probability:.0f} %" for name, probability in pairs))
    print(f"{severity_in_words(severity)}.")
    if severity.get("demonstration"):
        print(
            "The severity model is a demonstration that learned from phantoms; do not read it as a grade of a patient."
        )
    if severity.get("unlike_training"):
        print("This scan is unlike the model's training data.")


def _print_change(change: dict[str, Any]) -> None:
    from mambamed.cli.tables import format_table

    columns = (
        ("volume_l", "Volume (l)"),
        ("laa950_points", "LAA-950 (points)"),
        ("adjusted_laa950_points", "adjusted"),
        ("perc15_hu", "Perc15 (HU)"),
        ("adjusted_perc15_hu", "adjusted"),
    )
    rows = [
        [name, *[_rounded(entry[key]) for key, _ in columns], " ".join(entry["beyond_repeatability"] or [])]
        for name, entry in change["regions"].items()
    ]
    print("\nChange since the earlier scan (adjusted: for the change of volume):")
    print(format_table(["Region", *[title for _, title in columns], "Beyond repeatability"], rows))


def _rounded(value: float | None) -> float | str:
    return "" if value is None else round(value, 2) + 0.0  # no -0.0
