"""Fixtures for jobs: sample tasks that the engine can run, job directories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.request import JobRequest

SAMPLE_TASKS_FOLDER = Path(__file__).parent / "jobs"
TASK_NAMES = ("write_text", "wait_politely", "wait_stubbornly", "die", "refuse", "stumble", "fill_the_disk")


@pytest.fixture
def extra_tasks(monkeypatch):
    """Definitions of the sample tasks, importable by the processes that a test starts."""
    engine_folder = Path(__file__).parents[2] / "SlicerMambaMed"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(engine_folder), str(SAMPLE_TASKS_FOLDER)]))
    return [f"{name}=sample_tasks:{name}" for name in TASK_NAMES]


@pytest.fixture
def make_job(tmp_path):
    """Make a job directory: ``make_job(task, **settings)``."""
    count = 0

    def make(task, **settings):
        nonlocal count
        count += 1
        return JobDirectory(tmp_path / f"job {count}").create(JobRequest(task=task, settings=settings))

    return make


@pytest.fixture
def child_of(wait_until):
    """Identity of the child process that a sample task has started."""

    def find(job):
        file = job.path / "child.pid"
        wait_until(lambda: file.exists() and file.read_text(encoding="utf-8").isdigit())
        return ProcessIdentity.of(int(file.read_text(encoding="utf-8")))

    return find
