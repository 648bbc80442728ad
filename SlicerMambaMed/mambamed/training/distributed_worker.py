"""One of several processes that train together: told by a file what to do, tells through files how it went."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed

from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.events import EventKind
from mambamed.jobs.events import EventLog
from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.reporter import NullReporter
from mambamed.training.distributed_launch import EVENTS_NAME
from mambamed.training.distributed_launch import LEAVE_NAME
from mambamed.training.distributed_launch import ORDER_NAME
from mambamed.training.distributed_launch import OUTCOME_NAME
from mambamed.training.process_group import join_process_group
from mambamed.training.process_group import rank

__all__ = ["run_worker"]


class _FileReporter:
    """Tells the launching process through an event file, and is told to leave through another file."""

    def __init__(self, work: Path) -> None:
        self._log = EventLog(work / EVENTS_NAME)
        self._leave = work / LEAVE_NAME

    @property
    def stop_requested(self) -> bool:
        """Whether the launching process wants the training stopped, for whatever reason."""
        return self._leave.exists()

    def progress(self, stage: str, fraction: float) -> None:
        """See ``Reporter``."""
        self._log.append(EventKind.PROGRESS, stage=stage, fraction=fraction)

    def log(self, message: str) -> None:
        """See ``Reporter``."""
        self._log.append(EventKind.LOG, message=message)

    def warning(self, message: str) -> None:
        """See ``Reporter``."""
        self._log.append(EventKind.WARNING, message=message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """See ``Reporter``."""
        self._log.append(EventKind.METRIC, name=name, value=value, step=step)

    def check_cancelled(self) -> None:
        """A cancel ends this process from outside."""


def run_worker(
    work: Path,
    device_of: Callable[[Mapping[str, Any]], torch.device],
    train: Callable[[Mapping[str, Any], Any], Mapping[str, Any]],
) -> int:
    """Train with the other processes; the first leaves the outcome in ``work``.

    Args:
        work: Folder of the training, with the order of ``train_together``.
        device_of: The device that the order names.
        train: Trains as the order says and tells a reporter; returns what ``train_together`` shall return.

    Returns:
        The exit code of this process.
    """
    order = read_json(work / ORDER_NAME)
    join_process_group(device_of(order))
    reporter: Any = _FileReporter(work) if rank() == 0 else NullReporter()
    outcome: dict[str, Any]
    try:
        outcome = {"done": dict(train(order, reporter))}
    except MambaMedError as error:
        outcome = {"cancelled": isinstance(error, JobCancelledError), "message": str(error)}
    if rank() == 0:
        write_json_atomically(work / OUTCOME_NAME, outcome)
    distributed.barrier()  # all have reached the same end; nobody is killed while it writes
    distributed.destroy_process_group()
    return 0 if "done" in outcome else 1
