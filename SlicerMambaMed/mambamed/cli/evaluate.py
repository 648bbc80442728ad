"""``mambamed evaluate``: scores of predictions; of segmentations as the U-Mamba paper prints them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mambamed.cli import evaluate_detection
from mambamed.errors import BadRequestError
from mambamed.jobs.states import ExitCode

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the tasks of ``mambamed evaluate`` and their options."""
    tasks = parser.add_subparsers(dest="task", required=True, metavar="task")
    task = tasks.add_parser(
        "segmentation",
        help="Dice, surface distances, volumes, or F1 of instances",
        description="Score label maps against references of the same names. Writes scores.json, scores.csv and "
        "tables.md with --output, and prints the tables.",
    )
    task.add_argument(
        "--predictions",
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="folder (or file) of label maps, also one that mambamed batch wrote; several as NAME=FOLDER are compared",
    )
    task.add_argument("--labels", type=Path, required=True, help="folder (or file) of references")
    task.add_argument("--dataset", type=Path, help="dataset.json with label names (default: beside or above --labels)")
    task.add_argument(
        "--tolerance",
        nargs="+",
        default=[],
        metavar="MM",
        help="tolerance of the surface distance: 2 for all labels, Liver=5 for one (default: dataset.json's)",
    )
    task.add_argument("--instances", action="store_true", help="the values are instances (cells): F1 at IoU 0.5")
    task.add_argument(
        "--from-classes",
        nargs="+",
        default=[],
        choices=["predictions", "labels"],
        dest="from_classes",
        help="with --instances: these hold interior (1) and boundary (2), from which instances are made first",
    )
    task.add_argument("--skip-missing", action="store_true", help="leave out references without a prediction")
    task.add_argument("-o", "--output", type=Path, help="folder for scores.json, scores.csv and tables.md")
    task.add_argument("--json", action="store_true", help="print the content of scores.json")
    detection = tasks.add_parser("detection", help=evaluate_detection.HELP, description=evaluate_detection.DESCRIPTION)
    evaluate_detection.add_arguments(detection)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Evaluate, print, write."""
    if arguments.task == "detection":
        return evaluate_detection.run(arguments)
    from mambamed.cli.evaluation_output import named_folders
    from mambamed.cli.tables import format_table
    from mambamed.segmentation.evaluation.evaluate import evaluate_folders
    from mambamed.segmentation.evaluation.label_rules import tolerances_from_words
    from mambamed.segmentation.evaluation.report import label_table
    from mambamed.segmentation.evaluation.report import method_table
    from mambamed.segmentation.evaluation.report import scores_json

    if arguments.from_classes and not arguments.instances:
        raise BadRequestError("--from-classes makes instances; it needs --instances.")
    methods = {}
    for name, folder in named_folders(arguments.predictions).items():
        methods[name] = evaluate_folders(
            folder,
            arguments.labels,
            dataset_file=arguments.dataset,
            tolerances_mm=tolerances_from_words(arguments.tolerance),
            instances=arguments.instances,
            classes_in=arguments.from_classes,
            skip_missing=arguments.skip_missing,
        )
    content = scores_json(methods)
    if arguments.output is not None:
        _write(arguments.output, methods)
    if arguments.json:
        print(json.dumps(content))
        return ExitCode.DONE
    print(format_table(*method_table(methods)))
    if not arguments.instances:
        print()
        print(format_table(*label_table(methods)))
    for name, method in methods.items():
        for note in method.notes:
            print(f"Note: {name}: {note}" if len(methods) > 1 else f"Note: {note}", file=sys.stderr)
    return ExitCode.DONE


def _write(folder: Path, methods: dict[str, Any]) -> None:
    from mambamed.cli.evaluation_output import write_scores
    from mambamed.segmentation.evaluation.report import label_table
    from mambamed.segmentation.evaluation.report import markdown
    from mambamed.segmentation.evaluation.report import method_table
    from mambamed.segmentation.evaluation.report import scores_csv
    from mambamed.segmentation.evaluation.report import scores_json

    texts = {
        "scores.json": json.dumps(scores_json(methods), indent=1) + "\n",
        "scores.csv": scores_csv(methods),
        "tables.md": f"{markdown(method_table(methods))}\n\n{markdown(label_table(methods))}\n",
    }
    write_scores(folder, texts)
