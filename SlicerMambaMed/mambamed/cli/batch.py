"""``mambamed batch TASK``: one task for many cases; one bad case never stops the rest, a second run continues."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol

from mambamed.cli import batch_detection
from mambamed.cli import batch_emphysema
from mambamed.cli import batch_register
from mambamed.cli import batch_segment
from mambamed.cli.terminal import ProgressLine
from mambamed.errors import BadRequestError
from mambamed.jobs.events import Event
from mambamed.jobs.events import EventKind
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mambamed.jobs.cohort import Case
    from mambamed.jobs.cohort import CaseOutcome
    from mambamed.jobs.directory import JobDirectory
    from mambamed.jobs.status import JobStatus

__all__ = ["add_arguments", "run"]


class BatchTask(Protocol):
    """What a task brings for its batch; a module has these names."""

    HELP: str
    SOURCE_HELP: str
    MAIN_OUTPUT: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of the task's settings."""

    def find_cases(self, arguments: argparse.Namespace) -> list[Case]:
        """Return the cases with their requests; a missing image is its own case's failure, later."""

    def columns(self, outcome: CaseOutcome) -> dict[str, Any]:
        """Return what a finished case adds to the summary table, by column."""


TASKS: dict[str, Any] = {
    "segment": batch_segment,
    "emphysema": batch_emphysema,
    "register": batch_register,
    "detection": batch_detection,
}
"""Task name to its ``BatchTask``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the tasks of ``mambamed batch``."""
    tasks = parser.add_subparsers(dest="batch_task", required=True, metavar="task")
    for name, task in TASKS.items():
        subparser = tasks.add_parser(
            name,
            help=task.HELP,
            description=f"{task.HELP[0].upper()}{task.HELP[1:]}. Each case gets a job directory in the output folder; "
            "summary.csv lists all. Cases that are done are skipped when the command is run again. Exit code 0 only if "
            "every case is done.",
        )
        subparser.add_argument("source", type=Path, help=task.SOURCE_HELP)
        subparser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
        subparser.add_argument("--workers", type=int, default=1, help="cases at the same time (default: %(default)s)")
        subparser.add_argument(
            "--dask-address",
            help="scheduler of a Dask cluster, for example tcp://10.0.0.5:8786, whose workers do the cases (default: "
            "Dask workers on this machine)",
        )
        subparser.add_argument(
            "--overwrite", action="store_true", help="run cases again that were done with other settings"
        )
        subparser.add_argument("--json", action="store_true", help="print one JSON object per case")
        task.add_arguments(subparser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Run the batch."""
    from mambamed.jobs.cohort import run_cohort
    from mambamed.jobs.files import write_text_atomically

    if arguments.workers < 1:
        raise BadRequestError(f"--workers is {arguments.workers}, expected 1 or more.")
    task: BatchTask = TASKS[arguments.batch_task]
    cases = task.find_cases(arguments)
    output: Path = arguments.output.absolute()
    try:
        output.mkdir(parents=True, exist_ok=True)
        outcomes: list[CaseOutcome] = []
        line = ProgressLine(quiet=arguments.json)

        def note(outcome: CaseOutcome) -> None:
            outcomes.append(outcome)
            line.close()
            write_text_atomically(output / "summary.csv", _summary(outcomes, task))
            _print_outcome(outcome, len(outcomes), len(cases), arguments.json)

        def draw(running: Mapping[str, JobDirectory]) -> None:
            if line.draws and running:
                name, job = next(iter(running.items()))
                line.show(_batch_progress(name, job.status(), len(outcomes), len(cases)))

        threads = max(1, (os.cpu_count() or 1) // min(arguments.workers, max(1, len(cases))))
        environment = {"OMP_NUM_THREADS": str(threads)} if arguments.workers > 1 else {}
        outcomes_in_order = run_cohort(
            cases,
            output,
            arguments.workers,
            arguments.overwrite,
            note,
            draw,
            environment=environment,
            dask_address=_dask_address(arguments),
        )
        line.close()
        write_text_atomically(output / "summary.csv", _summary(outcomes_in_order, task))
    except OSError as error:
        raise BadRequestError(
            f"The output folder {output} cannot be written ({error.strerror}); choose another folder."
        ) from error
    failed_count = sum(outcome.state is not JobState.DONE for outcome in outcomes_in_order)
    if not arguments.json:
        print(f"{len(cases) - failed_count} of {len(cases)} cases are done. Summary: {output / 'summary.csv'}")
    return ExitCode.FAILED if failed_count else ExitCode.DONE


def _dask_address(arguments: argparse.Namespace) -> str | None:
    """Return where the cases are done: at the address given, on Dask workers here, or without Dask if it is absent."""
    has_dask = importlib.util.find_spec("distributed") is not None
    if arguments.dask_address and not has_dask:
        raise BadRequestError(
            "--dask-address needs the packages dask and distributed; install with: pip install 'mambamed[cohort]'"
        )
    if arguments.dask_address:
        return str(arguments.dask_address)
    if has_dask:
        return "local"
    print("The package distributed is not installed; the cases are done by engines of this process.", file=sys.stderr)
    return None


def _batch_progress(name: str, status: JobStatus, done_count: int, case_count: int) -> Event:
    """Return the progress of the whole batch, with what the running case does, as an event that can be drawn."""
    fraction = (done_count + status.fraction) / case_count
    stage = f"case {done_count + 1} of {case_count}, {name}: {status.stage or 'starting'}"
    return {"kind": EventKind.PROGRESS.value, "stage": stage, "fraction": fraction, "seconds_left": None}


def _print_outcome(outcome: CaseOutcome, number: int, count: int, as_json: bool) -> None:
    if as_json:
        content = {
            "case": outcome.name,
            "state": outcome.state.value,
            "message": outcome.message,
            "warnings": outcome.warnings,
            "duration_s": outcome.duration_s,
            "was_done_before": outcome.was_done_before,
            "outputs": {name: str(path) for name, path in outcome.job.outputs.items()},
        }
        print(json.dumps(content), flush=True)
        return
    if outcome.state is JobState.DONE:
        ending = "was done before" if outcome.was_done_before else f"done in {outcome.duration_s:.1f} s"
    else:
        ending = f"{outcome.state.value}: {outcome.message}"
    print(f"[{number}/{count}] {outcome.name}: {ending}", flush=True)
    for message in outcome.warnings:
        print(f"Warning: {outcome.name}: {message}", file=sys.stderr, flush=True)


def _duration_s(outcome: CaseOutcome) -> float:
    """Return how long the case took, in this run or in the earlier one that finished it."""
    if not outcome.was_done_before:
        return outcome.duration_s
    return float((outcome.job.result() or {}).get("durations_s", {}).get("total", 0.0))


def _summary(outcomes: Sequence[CaseOutcome], task: BatchTask) -> str:
    """Return the summary table: a row per case, with the columns of the task."""
    found = {outcome.name: task.columns(outcome) if outcome.state is JobState.DONE else {} for outcome in outcomes}
    columns = list(dict.fromkeys(name for row in found.values() for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", "state", "duration_s", task.MAIN_OUTPUT, "message", "warnings", *columns])
    for outcome in outcomes:
        main = outcome.job.outputs.get(task.MAIN_OUTPUT) if outcome.state is JobState.DONE else None
        writer.writerow(
            [
                outcome.name,
                outcome.state.value,
                f"{_duration_s(outcome):.1f}",
                os.path.relpath(main, outcome.job.path.resolve().parent) if main else "",
                outcome.message,
                " | ".join(outcome.warnings),
                *[found[outcome.name].get(name, "") for name in columns],
            ]
        )
    return text.getvalue()
