"""The tasks that a job may name, and where the engine finds the function that carries each out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mambamed.errors import BadRequestError

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["TASKS", "parse_extra_tasks", "task_function"]

TASKS: Mapping[str, str] = {
    "detect": "mambamed.detection.job:run",
    "register": "mambamed.registration.job:run",
    "emphysema": "mambamed.emphysema.job:run",
    "segment": "mambamed.segmentation.job:run",
    "ablate-detection": "mambamed.detection.training.ablation_job:run",
    "train-detection": "mambamed.detection.training.job:run",
    "train-disa": "mambamed.registration.disa.training.job:run",
    "train-emphysema-patterns": "mambamed.emphysema.patterns.train_job:run",
    "train-registration": "mambamed.registration.networks.training.job:run",
    "train-segmentation": "mambamed.segmentation.train_job:run",
    "train-severity": "mambamed.emphysema.severity.train_job:run",
    "emphysema-report": "mambamed.emphysema.report.job:run",
    "compare-segmentation": "mambamed.segmentation.comparison_job:run",
}
"""Task name to ``module:function``. Request files name a task, never a function: they may come from anyone."""


def parse_extra_tasks(definitions: list[str]) -> dict[str, str]:
    """Return tasks given on the command line as ``name=module:function``.

    Raises:
        BadRequestError: a definition has another form.
    """
    tasks = {}
    for definition in definitions:
        name, _, target = definition.partition("=")
        if not name or ":" not in target:
            raise BadRequestError(f"A task must be given as name=module:function; {definition!r} is not.")
        tasks[name] = target
    return tasks


def task_function(name: str, extra_tasks: Mapping[str, str] | None = None) -> Callable[[JobRequest, JobContext], None]:
    """Import and return the function of a task.

    Raises:
        BadRequestError: there is no such task.
    """
    tasks = {**TASKS, **(extra_tasks or {})}
    if name not in tasks:
        raise BadRequestError(f'There is no task "{name}"; this MambaMed knows: {", ".join(sorted(tasks))}.')
    module_name, _, function_name = tasks[name].partition(":")
    function: Callable[[JobRequest, JobContext], None] = getattr(importlib.import_module(module_name), function_name)
    return function
