"""The engine's side of a job directory: the reporter that a running task is given."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from pathlib import PurePosixPath
from typing import Any

from mambamed.errors import JobCancelledError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.events import EventKind
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.record import RunRecord
from mambamed.jobs.states import JobState

__all__ = ["JobContext"]

_PROGRESS_INTERVAL_S = 0.1
_WATCH_INTERVAL_S = 0.1
_HEARTBEAT_INTERVAL_S = 5.0
_ESTIMATE_FROM_S = 1.0


class JobContext:
    """What a task sees of its job: a ``Reporter``, plus places for its files and the run record.

    A task writes each file to ``output_path(name)``; the engine moves them all to their final names at the end, so
    that a job that is cancelled or fails leaves none.

    Attributes:
        directory: the job's folder.
        request: what was asked.
        record: the run record being collected.
        cache: objects that later jobs in this process may use again, for example the last model under a key of the
            task's own; a task keeps only its last one there.
        attempt: 1, and one more for each resume.
    """

    def __init__(self, directory: Path | str, cache: dict[str, Any] | None = None) -> None:
        self._job = JobDirectory(directory)
        self.directory = self._job.path
        self.request = self._job.request()
        self.record = RunRecord(self.request)
        self.cache: dict[str, Any] = cache if cache is not None else {}
        self.attempt = self._job.status().attempt
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._lock = threading.Lock()
        self._progress_started: float | None = None
        self._last_progress = (-1.0, "", 0.0)  # time, stage, fraction

    # --- Reporter ---
    def progress(self, stage: str, fraction: float) -> None:
        """See ``Reporter.progress``; at most ten events per second are kept, and progress never runs backwards."""
        now = time.monotonic()
        with self._lock:
            if self._progress_started is None:
                self._progress_started = now
            last_time, last_stage, last_fraction = self._last_progress
            fraction = max(last_fraction, min(1.0, max(0.0, float(fraction))))
            if stage == last_stage and fraction < 1.0 and now - last_time < _PROGRESS_INTERVAL_S:
                return
            if stage == last_stage and fraction == last_fraction and fraction > 0:
                return
            self._last_progress = (now, stage, fraction)
            elapsed = now - self._progress_started
            can_estimate = elapsed >= _ESTIMATE_FROM_S and fraction > 0
            seconds_left = elapsed * (1 - fraction) / fraction if can_estimate else None
            self._job.append(EventKind.PROGRESS, stage=stage, fraction=fraction, seconds_left=seconds_left)

    def log(self, message: str) -> None:
        """See ``Reporter.log``; the line also goes to ``engine.log``."""
        print(message, flush=True)
        self._job.append(EventKind.LOG, message=message)

    def warning(self, message: str) -> None:
        """See ``Reporter.warning``; kept in the run record."""
        print(f"Warning: {message}", flush=True)
        self.record.add_warning(message)
        self._job.append(EventKind.WARNING, message=message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """See ``Reporter.metric``; the last value is kept in the run record."""
        self.record.add_metric(name, value)
        self._job.append(EventKind.METRIC, name=name, value=value, step=step)

    def check_cancelled(self) -> None:
        """Raise ``JobCancelledError`` if somebody has asked to cancel this job."""
        if self._cancelled.is_set():
            raise JobCancelledError("The job was cancelled.")

    @property
    def stop_requested(self) -> bool:
        """Whether somebody wants the job stopped at its next safe point (``job stop``); see ``reporter``."""
        return self._job.stop_file.exists()

    # --- files ---
    def output_path(self, name: str) -> Path:
        """Return where to write the output file ``name``; it gets its final place, ``outputs/<name>``, at the end.

        Raises:
            ValueError: ``name`` would lie outside the outputs folder.
        """
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts:
            raise ValueError(f"An output's name must stay inside the outputs folder; {name!r} does not.")
        path = self._job.partial_folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    # --- life, called by the engine ---
    def begin(self) -> None:
        """Mark the job running and start to watch for a cancel."""
        self._job.remove_partial_outputs()
        self._job.append(EventKind.STATE, state=JobState.RUNNING, process=ProcessIdentity.current().to_json())
        threading.Thread(target=self._watch, name="cancel-watch", daemon=True).start()
        self.record.add_input_checksums()

    def complete(self) -> None:
        """Move the outputs to their final names, write the run record and mark the job done."""
        self.check_cancelled()
        self._finished.set()
        self._move_outputs()
        write_json_atomically(self._job.record_file, self.record.to_json())
        self._job.append(EventKind.RESULT, path=self._job.record_file.name)
        self._job.append(EventKind.STATE, state=JobState.DONE)

    def abandon(self) -> None:
        """Stop watching; the engine marks the failure or the cancel."""
        self._finished.set()

    def _move_outputs(self) -> None:
        partial = self._job.partial_folder
        if not partial.is_dir():
            return
        if not self._job.outputs_folder.exists():
            os.replace(partial, self._job.outputs_folder)
            return
        for source in sorted(path for path in partial.rglob("*") if path.is_file()):
            target = self._job.outputs_folder / source.relative_to(partial)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)
        self._job.remove_partial_outputs()

    def _watch(self) -> None:
        """Set the flag when the cancel file appears, and show readers on other machines that we live."""
        next_heartbeat = 0.0
        while not self._finished.wait(_WATCH_INTERVAL_S):
            if self._job.cancel_file.exists():
                self._cancelled.set()
            if time.monotonic() >= next_heartbeat:
                self._job.heartbeat_file.touch()
                next_heartbeat = time.monotonic() + _HEARTBEAT_INTERVAL_S
