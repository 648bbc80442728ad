"""The engine process: runs jobs in a worker process, ends them on cancel, and reports how each ended.

Two processes share the work. This one imports nothing but the standard library and always answers; the worker computes
(``mambamed.jobs.worker``). So a cancel is carried out within two seconds also while native code does not
return, and a worker that dies (killed, out of memory, crashed in a library) still leaves a properly ended job behind.
After such an end the next job gets a new worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import IO
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.jobs.directory import CANCEL_GRACE_S
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.process import kill_process_tree
from mambamed.jobs.process import start_in_own_group
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState

__all__ = ["Engine"]

_POLL_INTERVAL_S = 0.05
_KILL_WAIT_S = 2.0


@dataclass
class _Worker:
    """A running worker process."""

    process: subprocess.Popen[bytes]
    temporary_folder: Path
    answers: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)

    def send(self, order: dict[str, Any]) -> None:
        """Give an order; a worker that has died is noticed through its answers instead."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()


class Engine:
    """Runs jobs one after the other in a worker that is kept warm.

    Args:
        extra_tasks: tasks besides the built-in ones, each ``name=module:function``.
        preload: names of tasks that a new worker imports at once.
        python: interpreter for the worker; this one by default.
        environment: variables set for the worker besides ours.

    Example:
        >>> with Engine() as engine:
        ...     state = engine.run(Path("/tmp/job"))
    """

    def __init__(
        self,
        extra_tasks: Sequence[str] = (),
        preload: Sequence[str] = (),
        python: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = {**os.environ, **(environment or {})}
        self._command = [python or sys.executable, "-m", "mambamed", "engine", "--worker"]
        for definition in extra_tasks:
            self._command += ["--task", definition]
        for task in preload:
            self._command += ["--preload", task]
        self._worker: _Worker | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def worker_pid(self) -> int | None:
        """Process number of the worker, ``None`` when there is none now."""
        return self._worker.process.pid if self._worker else None

    def warm_up(self) -> None:
        """Start the worker now rather than with the first job."""
        if self._worker is not None and self._worker.process.poll() is not None:
            self.close()
        if self._worker is None:
            self._worker = self._start_worker()

    def run(self, directory: Path, on_poll: Callable[[], None] | None = None) -> JobState:
        """Run the job in ``directory`` to its end and return its final state.

        Args:
            directory: a job directory in state queued.
            on_poll: called about twenty times per second meanwhile (to draw progress or to read orders). When it
                raises, also ``KeyboardInterrupt``, the job is cancelled and the exception goes on.

        Raises:
            BadRequestError: there is no job with a valid request in ``directory``.
        """
        job = JobDirectory(directory)
        try:
            job.request()
        except BadRequestError as error:
            if job.path.is_dir():
                job.mark_failed(str(error), exit_code=ExitCode.BAD_REQUEST)
            raise
        if job.state().is_final:
            return job.state()
        if job.cancel_file.exists():
            job.mark_cancelled()
            return job.state()
        self.warm_up()
        worker = self._worker
        assert worker is not None
        attempt = job.status().attempt  # once this one has died, somebody else may resume the job before we notice
        worker.send({"run": str(job.path)})
        cancelled_at: float | None = None
        interruption: BaseException | None = None
        while True:
            try:
                if self._has_finished(worker, job, attempt):
                    break
                if interruption is None and on_poll is not None:
                    on_poll()
            except (Exception, KeyboardInterrupt) as error:
                interruption = interruption or error
                cancelled_at = cancelled_at or time.monotonic()
                with contextlib.suppress(OSError):  # also on a full disk the worker is killed in the end
                    job.cancel_file.touch()
            if cancelled_at is None and job.cancel_file.exists():
                cancelled_at = time.monotonic()
            if cancelled_at is not None and time.monotonic() - cancelled_at > CANCEL_GRACE_S:
                self.close()
                with contextlib.suppress(OSError):
                    job.mark_cancelled(attempt)
                break
        if interruption is not None:
            raise interruption
        if not job.state().is_final:
            # The worker has answered but could not write the end into the directory; its unfinished files made room.
            message = f"The job directory {job.path} could not be written; the disk may be full."
            job.mark_failed(message, job.log_tail(), attempt=attempt)
        return job.state()

    def close(self) -> None:
        """End the worker with everything that it has started."""
        if self._worker is None:
            return
        process, temporary_folder = self._worker.process, self._worker.temporary_folder
        self._worker = None
        kill_process_tree(process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):  # a driver may hold a killed process for a while
            process.wait(timeout=_KILL_WAIT_S)
        shutil.rmtree(temporary_folder, ignore_errors=True)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _has_finished(self, worker: _Worker, job: JobDirectory, attempt: int) -> bool:
        """Wait a moment for the worker's answer; end the job properly when the worker has died."""
        try:
            answer = worker.answers.get(timeout=_POLL_INTERVAL_S)
        except queue.Empty:
            return False
        if answer is None:
            exit_code = worker.process.wait()
            self.close()
            with contextlib.suppress(OSError):  # readers see the dead process in any case
                if job.cancel_file.exists():
                    job.mark_cancelled(attempt)
                else:
                    job.mark_unexpected_end(_cause_of_death(exit_code), attempt)
            return True
        return answer.get("event") == "finished"

    def _start_worker(self) -> _Worker:
        # A folder for the temporary files of all its libraries, which a killed worker cannot remove itself.
        temporary_folder = Path(tempfile.mkdtemp(prefix="mambamed-"))
        command = [*self._command, "--temporary", str(temporary_folder)]
        process = start_in_own_group(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment)
        worker = _Worker(process, temporary_folder)
        assert process.stdout is not None
        threading.Thread(target=_read_answers, args=(process.stdout, worker.answers), daemon=True).start()
        return worker


def _read_answers(pipe: IO[bytes], answers: queue.Queue[dict[str, Any] | None]) -> None:
    """Pass on the worker's answers; ``None`` stands for its end."""
    with contextlib.suppress(OSError, ValueError):
        for line in pipe:
            answers.put(json.loads(line))
    answers.put(None)


def _cause_of_death(exit_code: int) -> str:
    if exit_code == -9:
        return "killed with signal 9, which is also what the system does when memory runs out"
    if exit_code < 0:
        return f"signal {-exit_code}"
    return f"exit code {exit_code}"
