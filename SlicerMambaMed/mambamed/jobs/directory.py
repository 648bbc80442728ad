"""The job directory: one folder that is the whole truth of a job, for whoever reads it and whenever."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.errors import MambaMedError
from mambamed.jobs.events import EVENTS_FILE
from mambamed.jobs.events import Event
from mambamed.jobs.events import EventFollower
from mambamed.jobs.events import EventKind
from mambamed.jobs.events import EventLog
from mambamed.jobs.files import read_json
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.process import kill_process_tree
from mambamed.jobs.request import REQUEST_FILE
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState
from mambamed.jobs.status import JobStatus
from mambamed.jobs.status import status_from_events

__all__ = ["CANCEL_GRACE_S", "JobDirectory"]

CANCEL_GRACE_S = 1.5
"""How long a job may take to stop by itself after a cancel before its process tree is killed."""

_HEARTBEAT_LIMIT_S = 120.0
_POLL_INTERVAL_S = 0.05


class JobDirectory:
    """Reads a job directory and gives orders to it; the engine's side is ``mambamed.jobs.context.JobContext``.

    Every attempt of a job opens with a ``queued`` state event; the first final state after it is the one that counts.

    Example:
        >>> job = JobDirectory("/tmp/job").create(JobRequest(task="segment", inputs=[...], settings={...}))
        >>> start_detached_job(job)  # mambamed.jobs.launch; or send {"command": "run"} to a warm engine
        >>> while not job.state().is_final:
        ...     time.sleep(0.2)
        >>> job.outputs["segmentation"]
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self._log = EventLog(self.path / EVENTS_FILE)

    # --- places ---
    @property
    def outputs_folder(self) -> Path:
        """Folder of the finished files; exists only once the job is done."""
        return self.path / "outputs"

    @property
    def partial_folder(self) -> Path:
        """Folder of files being written; renamed into ``outputs_folder`` at the end, removed on failure."""
        return self.path / "outputs.partial"

    @property
    def log_file(self) -> Path:
        """Everything that the engine printed."""
        return self.path / "engine.log"

    @property
    def record_file(self) -> Path:
        """The run record, ``result.json``."""
        return self.path / "result.json"

    @property
    def cancel_file(self) -> Path:
        """Its presence asks the engine to cancel."""
        return self.path / "cancel.requested"

    @property
    def stop_file(self) -> Path:
        """Its presence asks a long job to stop at its next safe point, ready to be resumed."""
        return self.path / "stop.requested"

    @property
    def heartbeat_file(self) -> Path:
        """Touched by the engine every few seconds, so that readers on other machines know that it lives."""
        return self.path / "heartbeat"

    # --- life ---
    def create(self, request: JobRequest) -> JobDirectory:
        """Make the folder with its request, in state queued.

        Raises:
            BadRequestError: the folder already holds a job, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if (self.path / REQUEST_FILE).exists():
                raise BadRequestError(f"{self.path} already holds a job; choose a new folder, or resume that job.")
            request.write(self.path)
            self._log.append(EventKind.STATE, state=JobState.QUEUED)
        except OSError as error:
            raise BadRequestError(
                f"The job directory {self.path} cannot be written ({error.strerror}); choose another folder."
            ) from error
        return self

    def reopen(self) -> None:
        """Open a new attempt of a job that was cancelled or has failed (``job resume``).

        Raises:
            BadRequestError: the job is done, or still queued or running.
        """
        state = self.state()
        if state not in (JobState.CANCELLED, JobState.FAILED):
            raise BadRequestError(f"The job in {self.path} is {state.value}; only a cancelled or failed one resumes.")
        self.cancel_file.unlink(missing_ok=True)
        self.stop_file.unlink(missing_ok=True)
        self.remove_partial_outputs()
        self._log.append(EventKind.STATE, state=JobState.QUEUED)

    def request(self) -> JobRequest:
        """Return the request; see ``JobRequest.read`` for the errors."""
        return JobRequest.read(self.path)

    # --- reading ---
    def events(self, after: int = 0) -> list[Event]:
        """Return the events but the first ``after`` ones (pass how many you have seen)."""
        return self._log.read(after)

    def follower(self) -> EventFollower:
        """Return a reader for a growing event log, cheaper than ``events`` for frequent polling."""
        return EventFollower(self._log.path)

    def state(self) -> JobState:
        """Return the state; a job whose process died without a word has failed."""
        return self.status().state

    def status(self) -> JobStatus:
        """Return all that the directory says about the job now."""
        status = status_from_events(self._log.read())
        if status.state.is_final or status.process is None or self._process_lives(status.process):
            return status
        # It may have ended properly between our reading of the log and our look at the process.
        status = status_from_events(self._log.read())
        if status.state.is_final:
            return status
        if self.cancel_file.exists():
            return replace(status, state=JobState.CANCELLED, exit_code=ExitCode.CANCELLED)
        return replace(
            status,
            state=JobState.FAILED,
            message=_unexpected_end_message(),
            details=self.log_tail(),
            exit_code=ExitCode.FAILED,
        )

    def result(self) -> dict[str, Any] | None:
        """Return the run record, or ``None`` while the job is not done."""
        try:
            record = read_json(self.record_file)
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    @property
    def outputs(self) -> dict[str, Path]:
        """Finished files by name (``segmentation``, ``volumes``, ...), as absolute paths; empty while not done."""
        named = (self.result() or {}).get("outputs", {})
        paths = {name: (self.path / str(relative)).resolve() for name, relative in named.items() if relative}
        return {name: path for name, path in paths.items() if path.is_relative_to(self.path.resolve())}

    def log_tail(self, line_count: int = 20) -> str:
        """Return the last lines of ``engine.log``; empty when there is none."""
        try:
            with self.log_file.open("rb") as stream:
                stream.seek(max(0, self.log_file.stat().st_size - 64 * 1024))
                text = stream.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-line_count:])

    # --- orders ---
    def request_cancel(self) -> None:
        """Ask the engine to cancel and return at once; a job that nobody has started yet is cancelled here."""
        status = self.status()
        if status.state.is_final:
            return
        self.cancel_file.touch()
        if status.process is None:
            self.mark_cancelled()

    def request_stop(self) -> None:
        """Ask the job to stop at its next safe point and return at once; it ends cancelled and can be resumed.

        A training saves where it is; other tasks know no such point and go on. A job that nobody has started yet is
        cancelled here.
        """
        status = self.status()
        if status.state.is_final:
            return
        self.stop_file.touch()
        if status.process is None:
            self.mark_cancelled()

    def enforce_cancel(self) -> JobState:
        """Kill the job's process tree if it still runs on this machine, clean up and mark the job cancelled."""
        status = self.status()
        if not status.state.is_final:
            process = status.process
            if process is not None and process.is_on_this_machine and process.is_alive():
                kill_process_tree(process.pid)
            self.mark_cancelled()
        return self.state()

    def cancel(self, timeout_s: float = CANCEL_GRACE_S + 0.3) -> JobState:
        """Cancel and wait: ask first, after ``timeout_s`` kill. Returns the final state (done if it was faster).

        A job on another machine is only asked (its own engine kills it); this waits up to 30 seconds for the answer.

        Raises:
            MambaMedError: the job runs on another machine and did not answer.
        """
        self.request_cancel()
        process = self.status().process
        is_remote = process is not None and not process.is_on_this_machine
        deadline = time.monotonic() + (30.0 if is_remote else timeout_s)
        while not (state := self.state()).is_final:
            if time.monotonic() >= deadline:
                if is_remote and process is not None:
                    raise MambaMedError(
                        f"The job runs on {process.host}, which has not answered the request to cancel; "
                        f"cancel it there, or wait: the request stays in {self.path}."
                    )
                return self.enforce_cancel()
            time.sleep(_POLL_INTERVAL_S)
        return state

    def mark_cancelled(self, attempt: int | None = None) -> None:
        """End the job as cancelled, unless it has ended already; unfinished files are removed.

        Args:
            attempt: the attempt that is meant; nothing is done when the job has been resumed meanwhile.
        """
        if self._is_attempt(attempt):
            self.remove_partial_outputs()
            self._end(JobState.CANCELLED)

    def mark_failed(
        self, message: str, details: str = "", exit_code: ExitCode = ExitCode.FAILED, attempt: int | None = None
    ) -> None:
        """End the job as failed, unless it has ended already; unfinished files are removed.

        Args:
            message: one sentence for the user.
            details: what helps to find the cause.
            exit_code: exit code of a command that ran the job.
            attempt: the attempt that is meant; nothing is done when the job has been resumed meanwhile.
        """
        if self._is_attempt(attempt):
            self.remove_partial_outputs()
            self._end(JobState.FAILED, message, details, exit_code)

    def mark_unexpected_end(self, cause: str = "", attempt: int | None = None) -> None:
        """End a job whose engine process died without a word: failed, with the end of its log."""
        self.mark_failed(_unexpected_end_message(cause), self.log_tail(), attempt=attempt)

    def settle(self) -> JobState:
        """Write down the end of a job whose process died without a word, tidy up after it, and return the state."""
        status = self.status()
        if status.state is JobState.CANCELLED:
            self.mark_cancelled()
        elif status.state is JobState.FAILED:
            self.mark_failed(status.message, status.details)
        return status.state

    def remove_partial_outputs(self) -> None:
        """Remove what an unfinished job has left."""
        shutil.rmtree(self.partial_folder, ignore_errors=True)

    def append(self, kind: EventKind, **fields: Any) -> Event:
        """Append one event to the job's log (for the engine and the launcher)."""
        return self._log.append(kind, **fields)

    # --- details ---
    def _is_attempt(self, attempt: int | None) -> bool:
        """Whether this is still the attempt that an engine means (``None`` means whichever it is)."""
        return attempt is None or status_from_events(self._log.read()).attempt == attempt

    def _end(
        self, state: JobState, message: str = "", details: str = "", exit_code: ExitCode = ExitCode.FAILED
    ) -> None:
        if status_from_events(self._log.read()).state.is_final:
            return
        if state is JobState.FAILED:
            self._log.append(EventKind.ERROR, message=message, details=details, exit_code=int(exit_code))
        self._log.append(EventKind.STATE, state=state)

    def _process_lives(self, process: ProcessIdentity) -> bool:
        if process.is_on_this_machine:
            return process.is_alive()
        try:
            return time.time() - self.heartbeat_file.stat().st_mtime < _HEARTBEAT_LIMIT_S
        except OSError:
            return True  # it has not come to its first heartbeat yet


def _unexpected_end_message(cause: str = "") -> str:
    reason = f" ({cause})" if cause else ""
    return (
        f"The engine process ended unexpectedly{reason} before the job was finished. The last lines of its log are in "
        "the details; if the computer ran out of memory, close other programs or choose a smaller region."
    )
