"""Starting jobs: detached (they outlive whoever started them) or to the end in the foreground."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from mambamed.errors import MambaMedError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.events import EventKind
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.process import start_detached

__all__ = ["start_detached_job"]

_SHELL_CLIENTS = ("ssh", "ssh.exe")
"""Programs that hand their arguments to a shell on the other machine, which takes them apart again."""


def start_detached_job(
    job: JobDirectory,
    python: str = "",
    environment: Mapping[str, str] | None = None,
    command_prefix: Sequence[str] = (),
    extra_tasks: Sequence[str] = (),
) -> ProcessIdentity:
    """Start a queued job in a process of its own that goes on when Slicer, the shell or the connection ends.

    Args:
        job: the job, in state queued.
        python: interpreter that has the engine; this one by default. With a prefix, the one of the other machine.
        environment: the process's environment; ours when ``None``.
        command_prefix: put before the command, for example ``["srun", "--gres=gpu:1"]`` or ``["ssh", "host"]``; the
            job's directory and the interpreter must have the same paths there. No shell of ours takes part.
        extra_tasks: tasks besides the built-in ones, each ``name=module:function``.

    Returns:
        The identity of the started process (of the prefix's program where there is one).

    Raises:
        MambaMedError: the process cannot be started; the job is marked failed.
    """
    command = [python or sys.executable, "-m", "mambamed", "job", "run", str(job.path)]
    for definition in extra_tasks:
        command += ["--task", definition]
    if command_prefix and Path(command_prefix[0]).name in _SHELL_CLIENTS:
        command = [shlex.quote(word) for word in command]
    command = [*command_prefix, *command]
    try:
        identity = start_detached(command, job.log_file, environment)
    except OSError as error:
        message = f"The engine could not be started: {command[0]}: {error.strerror}. Check the interpreter's path."
        job.mark_failed(message)
        raise MambaMedError(message) from error
    # Readers learn who to look after, in case that process dies before it has written anything itself.
    job.append(EventKind.LOG, message=f"Started as process {identity.pid}.", process=identity.to_json())
    return identity
