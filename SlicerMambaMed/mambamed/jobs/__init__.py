"""Jobs: the job directory, its events and record, and the engine processes that carry jobs out.

Standard library only: Slicer's own process imports this package.
"""

from __future__ import annotations

from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.launch import start_detached_job
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState
from mambamed.jobs.status import JobStatus

__all__ = [
    "ExitCode",
    "JobDirectory",
    "JobRequest",
    "JobState",
    "JobStatus",
    "NullReporter",
    "Reporter",
    "start_detached_job",
]
