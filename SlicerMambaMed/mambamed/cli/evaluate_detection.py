"""``mambamed evaluate detection``: average precision by DOTA's rule and free-response curves of oriented boxes."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode

__all__ = ["add_arguments", "run"]

HELP = "AP50, AP75, mAP by DOTA's rule, and FROC"
DESCRIPTION = (
    "Score oriented boxes against annotations of the same names. Writes scores.json, scores.csv and tables.md with "
    "--output, and prints the tables, in percent."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed evaluate detection``."""
    parser.add_argument(
        "--predictions",
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="folder that mambamed detect or batch detection wrote; several as NAME=FOLDER are compared",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        required=True,
        help="annotations: a data folder as for training, a folder of DOTA text or HRSC2016 XML files named as the "
        "images, or a COCO JSON file",
    )
    parser.add_argument(
        "--iou", type=float, default=0.5, help="overlap above which a box is a hit on the FROC curve (default: 0.5)"
    )
    parser.add_argument("--skip-missing", action="store_true", help="leave out annotated images without a prediction")
    parser.add_argument("-o", "--output", type=Path, help="folder for scores.json, scores.csv and tables.md")
    parser.add_argument("--json", action="store_true", help="print the content of scores.json")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Evaluate, print, write."""
    from mambamed.cli.evaluation_output import named_folders
    from mambamed.cli.evaluation_output import write_scores
    from mambamed.cli.tables import format_table
    from mambamed.detection.evaluation.report import evaluate_folders
    from mambamed.detection.evaluation.report import label_table
    from mambamed.detection.evaluation.report import method_table
    from mambamed.detection.evaluation.report import scores_csv
    from mambamed.detection.evaluation.report import scores_json
    from mambamed.segmentation.evaluation.report import markdown

    if not 0 <= arguments.iou < 1:
        raise BadRequestError(f"--iou is {arguments.iou:g}, expected 0 to below 1.")
    methods = {
        name: evaluate_folders(
            folder, arguments.labels, iou_threshold=arguments.iou, skip_missing=arguments.skip_missing
        )
        for name, folder in named_folders(arguments.predictions).items()
    }
    content = scores_json(methods)
    if arguments.output is not None:
        tables = f"{markdown(method_table(methods))}\n\n{markdown(label_table(methods))}\n"
        texts = {"scores.json": json.dumps(content, indent=1) + "\n", "scores.csv": scores_csv(methods)}
        write_scores(arguments.output, {**texts, "tables.md": tables})
    if arguments.json:
        print(json.dumps(content))
        return ExitCode.DONE
    print(format_table(*method_table(methods)))
    print()
    print(format_table(*label_table(methods)))
    print(
        f"\nAP, mAP and sensitivities in percent; FROC: mean sensitivity at 1/8 to 8 false boxes per image, IoU above "
        f"{arguments.iou:g}."
    )
    for name, scores in methods.items():
        for note in scores.notes:
            print(f"Note: {name}: {note}" if len(methods) > 1 else f"Note: {note}", file=sys.stderr)
    return ExitCode.DONE
