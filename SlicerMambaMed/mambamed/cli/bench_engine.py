"""Benchmark of the engine: how soon a job computes in a new and in a warm worker, how soon a cancel has ended it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mambamed.cli.demo import example_image
from mambamed.cli.running import raise_unless_done
from mambamed.cli.segmentation_options import segmentation_request
from mambamed.errors import MambaMedError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.engine import Engine
from mambamed.jobs.events import EventKind
from mambamed.jobs.states import JobState
from mambamed.segmentation.settings import SegmentationSettings

__all__ = ["run"]

_WARM_RUNS = 3
_CANCELS = 3


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure with the bundled model on the example image of the demonstration; see ``mambamed.cli.bench``."""
    image = example_image()
    settings = SegmentationSettings(step_size=1.0)
    with tempfile.TemporaryDirectory() as folder, Engine() as engine:

        def new_job(name: str) -> JobDirectory:
            return JobDirectory(Path(folder) / name).create(segmentation_request([image], settings))

        say("first job, new worker")
        starts = [_start_times(engine, new_job("cold"))]
        for number in range(_WARM_RUNS):
            say(f"job {number + 2}, warm worker")
            starts.append(_start_times(engine, new_job(f"warm {number}")))
        cancels = []
        for number in range(_CANCELS):
            say(f"cancel {number + 1}")
            cancels.append(_cancel_time(engine, new_job(f"cancel {number}")))
    names = ["first job, new worker", *[f"job {number + 2}, warm worker" for number in range(_WARM_RUNS)]]
    return {
        "title": "Engine: start of a job and end of a cancelled one",
        "tables": [
            {
                "title": "From the order to run until ...",
                "columns": ["Job", "preprocessing begins (s)", "first window begins (s)", "done (s)"],
                "rows": [[name, *[round(value, 2) for value in row]] for name, row in zip(names, starts, strict=True)],
            },
            {
                "title": "From the request to cancel, amid the windows, until the job has ended",
                "columns": ["Cancel", "Seconds"],
                "rows": [[number, round(seconds, 2)] for number, seconds in enumerate(cancels, start=1)],
            },
        ],
        "notes": [
            "ICBM152 T1 at 1 mm, bundled model, step size 1. A new worker imports PyTorch and nnU-Net and reads the "
            "model; the first job ever on a machine also measures the fastest number format."
        ],
    }


def _start_times(engine: Engine, job: JobDirectory) -> tuple[float, float, float]:
    """Run a job; return the seconds until it prepares the image, until its first window, until it is done."""
    start = time.time()
    engine.run(job.path)
    ended = time.time()
    raise_unless_done(job.status())
    first_seen: dict[str, float] = {}
    for event in job.events():
        if event["kind"] == EventKind.PROGRESS.value:
            first_seen.setdefault(event["stage"], event["t"])
    return first_seen["preparing"] - start, first_seen["segmenting"] - start, ended - start


def _cancel_time(engine: Engine, job: JobDirectory) -> float:
    """Cancel a job when it computes windows; return the seconds from the request to its end."""
    asked: list[float] = []
    follower = job.follower()

    def cancel_amid_windows() -> None:
        if any(event.get("stage") == "segmenting" for event in follower.poll()) and not asked:
            asked.append(time.monotonic())
            job.request_cancel()

    state = engine.run(job.path, cancel_amid_windows)
    if state is not JobState.CANCELLED:
        raise MambaMedError(f"The job was {state.value} before the cancel could act; nothing was measured.")
    return time.monotonic() - asked[0]
