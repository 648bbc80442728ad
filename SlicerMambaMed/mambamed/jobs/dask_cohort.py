"""The cases of a cohort on the workers of a Dask cluster: in this process by default, on other machines by address.

Dask hands out the cases and notices lost workers; each worker keeps one warm engine, which does the computing in
processes of its own. Needs the package ``distributed``; nothing else imports this file.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Generator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.engine import Engine
from mambamed.jobs.states import JobState

if TYPE_CHECKING:
    from mambamed.jobs.cohort import Case
    from mambamed.jobs.cohort import CaseOutcome

__all__ = ["LOCAL_WORKERS", "DaskCohort"]

LOCAL_WORKERS = "local"
"""In place of an address: a cluster of this process's own."""

_CONNECT_SECONDS = 20.0
_CANCEL_SECONDS = 10.0
_engines: dict[str, Engine] = {}
_engines_lock = threading.Lock()


class DaskCohort:
    """A running cluster, local or connected, as a context.

    Args:
        address: ``"local"``, or a scheduler's, for example ``"tcp://10.0.0.5:8786"``. Its workers need this package in
            the same version, and all folders under the same paths.
        worker_count: Cases at the same time, for local workers.

    Raises:
        BadRequestError: No scheduler answers there.
    """

    def __init__(self, address: str, worker_count: int) -> None:
        from distributed import Client
        from distributed import LocalCluster

        for name in ("distributed", "tornado", "asyncio"):  # what matters comes as outcomes of cases
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._cluster: Any = None
        if address == LOCAL_WORKERS:
            # Threads suffice: the computing is in the engines' own processes.
            self._cluster = LocalCluster(
                n_workers=worker_count, threads_per_worker=1, processes=False, dashboard_address=None, memory_limit=0
            )
        try:
            self._client = Client(self._cluster or address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise BadRequestError(
                f"No Dask scheduler answers at {address} ({type(error).__name__}). Start one (dask scheduler), or "
                "leave out --dask-address to work on this machine."
            ) from error

    def __enter__(self) -> DaskCohort:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(Exception):  # a worker that was lost has no engine any more
            self._client.run(close_engines)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def outcomes(
        self,
        cases: Sequence[Case],
        folder: Path,
        overwrite: bool,
        extra_tasks: Sequence[str],
        environment: Mapping[str, str] | None,
    ) -> Generator[CaseOutcome | None, None, None]:
        """Run all cases; give each outcome when it is there, and None several times per second in between.

        When the caller leaves early, cases that wait are dropped and those that run are cancelled.
        """
        from mambamed.jobs.cohort import CaseOutcome

        waiting = {
            case.name: self._client.submit(
                _run_on_worker, case, folder, overwrite, list(extra_tasks), dict(environment or {}), pure=False
            )
            for case in cases
        }
        try:
            while waiting:
                yield None
                for name, future in [item for item in waiting.items() if item[1].done()]:
                    del waiting[name]
                    if future.status == "finished":
                        yield future.result()
                        continue
                    # The worker was lost again and again, or could not even take the order.
                    cause = future.exception() if future.status == "error" else "the cluster dropped it"
                    job = JobDirectory(folder / name)
                    yield CaseOutcome(name, job, JobState.FAILED, f"The worker failed with this case: {cause}")
                time.sleep(0.0 if not waiting else 0.05)
        finally:
            self._abandon(waiting, folder)

    def _abandon(self, waiting: Mapping[str, Any], folder: Path) -> None:
        """Drop what waits, cancel what runs, and wait until it has ended."""
        if not waiting:
            return
        self._client.cancel(list(waiting.values()), force=True)
        jobs = [JobDirectory(folder / name) for name in waiting if (folder / name / "events.jsonl").is_file()]
        for job in jobs:
            job.request_cancel()
        deadline = time.monotonic() + _CANCEL_SECONDS
        while time.monotonic() < deadline and not all(job.state().is_final for job in jobs):
            time.sleep(0.1)


def _run_on_worker(
    case: Case, folder: Path, overwrite: bool, extra_tasks: list[str], environment: dict[str, str]
) -> CaseOutcome:
    """Run one case in the engine of the Dask worker that this is called on."""
    from distributed import get_worker

    from mambamed.jobs.cohort import run_case

    worker = str(get_worker().id)
    with _engines_lock:
        if worker not in _engines:
            _engines[worker] = Engine(extra_tasks, environment=environment)
        engine = _engines[worker]
    return run_case(case, folder, engine, overwrite)


def close_engines(dask_worker: Any = None) -> None:
    """End the engine of a worker (Dask passes it), with everything that it has started."""
    with _engines_lock:
        names = [str(dask_worker.id)] if dask_worker is not None else list(_engines)
        engines = [_engines.pop(name) for name in names if name in _engines]
    for engine in engines:
        engine.close()
