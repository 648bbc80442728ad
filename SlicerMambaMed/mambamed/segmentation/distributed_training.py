"""One of several processes that train together; started by torchrun, which ``distributed_launch`` calls.

``python -m torch.distributed.run --nproc-per-node 2 -m mambamed.segmentation.distributed_training WORK``
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch.distributed as distributed

from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.events import EventKind
from mambamed.jobs.events import EventLog
from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.reporter import NullReporter
from mambamed.nn.device import choose_device
from mambamed.segmentation.distributed_launch import EVENTS_NAME
from mambamed.segmentation.distributed_launch import LEAVE_NAME
from mambamed.segmentation.distributed_launch import ORDER_NAME
from mambamed.segmentation.distributed_launch import OUTCOME_NAME
from mambamed.segmentation.training import train_here
from mambamed.segmentation.training_settings import SegmentationTrainingSettings
from mambamed.training.process_group import join_process_group
from mambamed.training.process_group import rank

__all__ = ["main"]


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


def main(work: Path) -> int:
    """Train with the other processes; rank 0 leaves the outcome in ``work``. Returns the exit code."""
    order = read_json(work / ORDER_NAME)
    settings = SegmentationTrainingSettings.from_json(order["settings"])
    join_process_group(choose_device(settings.device))
    reporter: Any = _FileReporter(work) if rank() == 0 else NullReporter()
    outcome: dict[str, Any]
    try:
        folder = train_here(settings, work, order["dataset"], order["plans"], reporter, order["resume"])
        outcome = {"folder": str(folder)}
    except MambaMedError as error:
        outcome = {"cancelled": isinstance(error, JobCancelledError), "message": str(error)}
    if rank() == 0:
        write_json_atomically(work / OUTCOME_NAME, outcome)
    distributed.barrier()  # all have reached the same end; nobody is killed while it writes
    distributed.destroy_process_group()
    return 0 if "folder" in outcome else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
