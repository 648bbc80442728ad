"""The worker process: carries out jobs one after the other, keeping its imports and the last model between them.

It is started and watched by ``mambamed.jobs.engine`` and speaks with it over its standard input and output, one JSON
object per line. Everything else that is printed while a job runs goes to the job's ``engine.log``, also what C
libraries print, because the file descriptors themselves are redirected.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import shutil
import sys
import threading
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambamed.jobs.context import JobContext
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.failures import describe_failure
from mambamed.jobs.process import kill_process_tree
from mambamed.jobs.states import JobState
from mambamed.jobs.tasks import task_function

__all__ = ["run_job", "run_worker"]


def run_worker(extra_tasks: Mapping[str, str], preload: list[str], temporary_folder: Path) -> None:
    """Take orders from standard input until it closes.

    Args:
        extra_tasks: tasks besides the built-in ones, name to ``module:function``.
        preload: tasks to import before the first order, so that the first job starts at once.
        temporary_folder: for the temporary files of this process and its children; the engine removes it.
    """
    os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary_folder)))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.set_inheritable(answers.fileno(), False)
    os.dup2(2, 1)  # nothing but answers may reach the pipe
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s: %(message)s")
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    orders_pipe = os.fdopen(os.dup(0), "r", encoding="utf-8")
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)  # children must not read our orders
    threading.Thread(target=_read_orders, args=(orders_pipe, orders, temporary_folder), daemon=True).start()
    for task in preload:
        with contextlib.suppress(Exception):  # the job that needs it will say what is wrong
            task_function(task, extra_tasks)
    cache: dict[str, Any] = {}
    while True:
        directory = orders.get()["run"]
        answers.write(json.dumps({"event": "started", "directory": directory}) + "\n")
        state = run_job(Path(directory), extra_tasks, cache)
        answers.write(json.dumps({"event": "finished", "directory": directory, "state": state.value}) + "\n")


def run_job(directory: Path, extra_tasks: Mapping[str, str], cache: dict[str, Any]) -> JobState:
    """Carry out one job in this process and return its final state; what it prints goes to its ``engine.log``."""
    job = JobDirectory(directory)
    with _printing_to(job.log_file):
        context: JobContext | None = None
        try:
            context = JobContext(directory, cache)
            context.begin()
            with context.record.timed("import"):
                task = task_function(context.request.task, extra_tasks)
            task(context.request, context)
            context.complete()
        except BaseException as error:
            if context is not None:
                context.abandon()
            failure = describe_failure(error)
            with contextlib.suppress(OSError):
                print(failure.details or failure.message, file=sys.stderr, flush=True)
            with contextlib.suppress(OSError):  # a full disk: the engine process tries again
                if failure.state is JobState.CANCELLED:
                    job.mark_cancelled()
                else:
                    cache.clear()  # frees the model's memory, and nothing half-made is used again
                    job.mark_failed(failure.message, failure.details, failure.exit_code)
        return job.state()


def _read_orders(pipe: Any, orders: queue.Queue[dict[str, Any]], temporary_folder: Path) -> None:
    """Pass on orders; when the engine process is gone, end with everything that this process has started."""
    with contextlib.suppress(OSError):
        for line in pipe:
            orders.put(json.loads(line))
    kill_process_tree(os.getpid(), include_itself=False)
    shutil.rmtree(temporary_folder, ignore_errors=True)
    os._exit(1)


@contextlib.contextmanager
def _printing_to(log_file: Path) -> Iterator[None]:
    """Send everything printed by this process and its children to a file, appended."""
    _flush_streams()
    saved = [os.dup(1), os.dup(2)]
    try:
        with log_file.open("ab") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        yield
    finally:
        _flush_streams()
        for descriptor, original in zip((1, 2), saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
