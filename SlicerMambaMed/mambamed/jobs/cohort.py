"""Many jobs of one kind: several engines side by side, each case a job directory, one bad case never stops the rest."""

from __future__ import annotations

import contextlib
import itertools
import queue
import shutil
import threading
import time
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.errors import MambaMedError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.engine import Engine
from mambamed.jobs.files import jsonable
from mambamed.jobs.files import sha256_of_file
from mambamed.jobs.request import REQUEST_FILE
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState

__all__ = ["Case", "CaseOutcome", "check_case_name", "run_case", "run_cohort"]

_FORBIDDEN_CHARACTERS = set('/\\:*?"<>|\0')
_WAIT_INTERVAL_S = 0.2


@dataclass(frozen=True)
class Case:
    """One case of a cohort: its name, which is also its folder's name, and what to do."""

    name: str
    request: JobRequest


@dataclass(frozen=True)
class CaseOutcome:
    """How a case ended.

    Attributes:
        name: the case.
        job: its job directory.
        state: its state; ``running`` when another process is at work on it.
        message: why it failed, else empty.
        warnings: what must be known to read its result.
        duration_s: wall time in this run; 0 when nothing had to be done.
        was_done_before: whether an earlier run had finished it.
    """

    name: str
    job: JobDirectory
    state: JobState
    message: str = ""
    warnings: tuple[str, ...] = ()
    duration_s: float = 0.0
    was_done_before: bool = False


def check_case_name(name: str) -> str:
    """Return ``name`` if it can be the name of a folder.

    Raises:
        BadRequestError: it cannot.
    """
    if not name or name.startswith(".") or len(name) > 200 or _FORBIDDEN_CHARACTERS & set(name):
        raise BadRequestError(
            f'"{name}" cannot be the name of a case; use a name without slashes, colons, quotes and leading dots.'
        )
    return name


def run_cohort(
    cases: Sequence[Case],
    folder: Path,
    worker_count: int = 1,
    overwrite: bool = False,
    on_outcome: Callable[[CaseOutcome], None] | None = None,
    on_poll: Callable[[Mapping[str, JobDirectory]], None] | None = None,
    extra_tasks: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    dask_address: str | None = None,
) -> list[CaseOutcome]:
    """Run every case that is not done yet, each in ``folder/<case name>``.

    A case counts as done when its job directory says so for the same request and unchanged input files.

    Args:
        cases: the cases, with different names.
        folder: where the job directories are; made if missing.
        worker_count: how many cases run at the same time, each in an engine of its own.
        overwrite: run cases again that were done with other settings; without it that is refused.
        on_outcome: called in this thread after each case.
        on_poll: called in this thread a few times per second with the cases that run now.
        extra_tasks: tasks besides the built-in ones, each ``name=module:function``.
        environment: variables set for the engines besides ours.
        dask_address: ``"local"`` for Dask workers in this process, or the address of a Dask scheduler; None does
            without Dask.

    Returns:
        One outcome per case, in the order of ``cases``.

    Raises:
        BadRequestError: two cases have one name, or a case was done with other settings; nothing has run then.
        KeyboardInterrupt: the user interrupted; running cases are cancelled, finished ones stay done.
    """
    names = [check_case_name(case.name) for case in cases]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BadRequestError(f"Every case needs a name of its own; used more than once: {', '.join(repeated)}.")
    if not overwrite:
        _refuse_other_settings(cases, folder)
    if dask_address is None:
        incoming = _outcomes_of_engines(cases, folder, worker_count, overwrite, extra_tasks, environment)
    else:
        incoming = _outcomes_of_dask(cases, folder, worker_count, overwrite, extra_tasks, environment, dask_address)
    outcomes: dict[str, CaseOutcome] = {}
    with contextlib.closing(incoming):
        for outcome in incoming:
            if outcome is not None:
                outcomes[outcome.name] = outcome
                if on_outcome is not None:
                    on_outcome(outcome)
            elif on_poll is not None:
                on_poll(_running(cases, folder, outcomes, worker_count))
    return [outcomes[case.name] for case in cases]


def _running(
    cases: Sequence[Case], folder: Path, outcomes: Mapping[str, CaseOutcome], worker_count: int
) -> dict[str, JobDirectory]:
    """Return the next cases that have begun and not ended; they are few, and begin in order."""
    names = itertools.islice((case.name for case in cases if case.name not in outcomes), worker_count)
    return {name: JobDirectory(folder / name) for name in names if (folder / name / REQUEST_FILE).exists()}


def _outcomes_of_dask(
    cases: Sequence[Case],
    folder: Path,
    worker_count: int,
    overwrite: bool,
    extra_tasks: Sequence[str],
    environment: Mapping[str, str] | None,
    address: str,
) -> Generator[CaseOutcome | None, None, None]:
    """Give outcomes as they come, and None in between, from the workers of a Dask cluster."""
    from mambamed.jobs.dask_cohort import DaskCohort

    with (
        DaskCohort(address, max(1, min(worker_count, len(cases)))) as cluster,
        contextlib.closing(cluster.outcomes(cases, folder, overwrite, extra_tasks, environment)) as incoming,
    ):
        yield from incoming


def _outcomes_of_engines(
    cases: Sequence[Case],
    folder: Path,
    worker_count: int,
    overwrite: bool,
    extra_tasks: Sequence[str],
    environment: Mapping[str, str] | None,
) -> Generator[CaseOutcome | None, None, None]:
    """Give outcomes as they come, and None in between, from engines of this process; they end with the generator."""
    waiting: queue.Queue[Case] = queue.Queue()
    for case in cases:
        waiting.put(case)
    finished: queue.Queue[CaseOutcome] = queue.Queue()
    stop = threading.Event()

    def work() -> None:
        with Engine(extra_tasks, environment=environment) as engine:
            while not stop.is_set():
                try:
                    case = waiting.get_nowait()
                except queue.Empty:
                    return
                finished.put(run_case(case, folder, engine, overwrite, stop))

    workers = [threading.Thread(target=work) for _ in range(max(1, min(worker_count, len(cases))))]
    missing = len(cases)
    try:
        for worker in workers:
            worker.start()
        while missing:
            yield None
            try:
                yield finished.get(timeout=_WAIT_INTERVAL_S)
                missing -= 1
            except queue.Empty:
                continue
    finally:
        stop.set()
        for worker in workers:
            worker.join()


class _StopError(Exception):
    """The whole run was interrupted."""


def run_case(
    case: Case, folder: Path, engine: Engine, overwrite: bool = False, stop: threading.Event | None = None
) -> CaseOutcome:
    """Run one case in ``folder/<case name>`` and say how it ended; whatever goes wrong with it stays with it.

    Args:
        case: what to do; nothing is done if it is done already.
        folder: where the job directories are.
        engine: computes it.
        overwrite: run it again if it was done with other settings.
        stop: set to cancel it.
    """

    def leave_when_stopped() -> None:
        if stop is not None and stop.is_set():
            raise _StopError

    job = JobDirectory(folder / case.name)
    start = time.monotonic()
    was_done_before = False
    try:
        state = _prepare(job, case.request, overwrite)
        was_done_before = state is JobState.DONE
        if state is JobState.RUNNING:
            return CaseOutcome(case.name, job, state, "Another process is at work on this case.")
        if not was_done_before:
            engine.run(job.path, leave_when_stopped)
    except _StopError:
        pass
    except (MambaMedError, OSError) as error:
        return CaseOutcome(case.name, job, JobState.FAILED, str(error))
    status = job.status()
    duration_s = 0.0 if was_done_before else time.monotonic() - start
    return CaseOutcome(case.name, job, status.state, status.message, status.warnings, duration_s, was_done_before)


def _prepare(job: JobDirectory, request: JobRequest, overwrite: bool) -> JobState:
    """Bring a case's job directory to state queued, unless it is done or somebody else runs it; return its state."""
    if not (job.path / REQUEST_FILE).exists():
        job.create(request)
        return JobState.QUEUED
    state = job.settle()
    same_request = _comparable(job.request()) == _comparable(request)
    if state is JobState.RUNNING:
        return state
    if state is JobState.DONE and same_request and _inputs_are_unchanged(job):
        return state
    if state is JobState.DONE or (overwrite and not same_request):
        shutil.rmtree(job.path)
        job.create(request)
        return JobState.QUEUED
    if not same_request:
        request.write(job.path)
    if state is not JobState.QUEUED:
        job.reopen()
    return JobState.QUEUED


def _refuse_other_settings(cases: Sequence[Case], folder: Path) -> None:
    for case in cases:
        job = JobDirectory(folder / case.name)
        if not (job.path / REQUEST_FILE).exists() or job.state() is not JobState.DONE:
            continue
        if _comparable(job.request()) != _comparable(case.request):
            raise BadRequestError(
                f"The case {case.name} in {folder} was done with other inputs or settings; choose another folder, "
                "or --overwrite to run such cases again."
            )


def _comparable(request: JobRequest) -> Any:
    content = jsonable(asdict(request))
    for item in content["inputs"]:
        item.pop("sha256", None)
    return content


def _inputs_are_unchanged(job: JobDirectory) -> bool:
    recorded = (job.result() or {}).get("inputs", [])
    return all(
        Path(item["path"]).is_file() and sha256_of_file(Path(item["path"])) == item["sha256"]
        for item in recorded
        if item.get("sha256")
    )
