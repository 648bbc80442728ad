"""Start several processes that train together, through torchrun, and pass on what the first of them tells.

On several nodes torchrun is started once on each by Slurm's ``srun``, inside the allocation that the job runs in.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mambamed
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.events import Event
from mambamed.jobs.events import EventFollower
from mambamed.jobs.events import EventKind
from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.process import kill_process_tree
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter import stop_requested

__all__ = ["EVENTS_NAME", "LEAVE_NAME", "ORDER_NAME", "OUTCOME_NAME", "launch_command", "train_together"]

ORDER_NAME = "distributed_order.json"
EVENTS_NAME = "distributed_events.jsonl"
LEAVE_NAME = "distributed_leave.requested"
OUTCOME_NAME = "distributed_outcome.json"
_PACKAGE_PARENT = Path(mambamed.__file__).parents[1]
_POLL_S = 0.1
_FIRST_PORT, _PORTS = 20000, 20000


def train_together(
    module: str, order: Mapping[str, Any], work: Path, processes: int, nodes: int, reporter: Reporter
) -> dict[str, Any]:
    """Train with several processes on each of some machines.

    Args:
        module: module that each process runs with ``work`` as its argument; it calls ``run_worker``.
        order: what its function is told; plain values.
        work: Folder of the training, which all machines see under this path.
        processes: Processes on each machine.
        nodes: Machines.
        reporter: Hears what the first process tells; asked whether to stop.

    Returns:
        What the first process has left.

    Raises:
        JobCancelledError: The user cancelled or stopped; the last checkpoint stays.
        MambaMedError: The training failed.
    """
    command = launch_command(module, work, processes, nodes, os.environ)
    for name in (EVENTS_NAME, LEAVE_NAME, OUTCOME_NAME):
        (work / name).unlink(missing_ok=True)
    write_json_atomically(work / ORDER_NAME, dict(order))
    follower = EventFollower(work / EVENTS_NAME)
    reporter.log(f"Starting {processes * nodes} processes: {' '.join(command)}")
    # The processes must find this very package, however this one has found it.
    search = os.pathsep.join([str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": search})
    try:
        while process.poll() is None:
            for event in follower.poll():
                _pass_on(event, reporter)
            reporter.check_cancelled()
            if stop_requested(reporter):
                (work / LEAVE_NAME).touch()
            time.sleep(_POLL_S)
    finally:
        kill_process_tree(process.pid)
        process.wait()
    for event in follower.poll():
        _pass_on(event, reporter)
    return _outcome(work, process.returncode)


def launch_command(module: str, work: Path, processes: int, nodes: int, environment: Mapping[str, str]) -> list[str]:
    """Return the command that starts all processes of ``train_together``.

    Raises:
        BadRequestError: Several nodes are asked for outside a Slurm allocation of that size.
    """
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        f"--nnodes={nodes}",
        f"--nproc-per-node={processes}",
        "--max-restarts=0",
    ]
    if nodes == 1:
        command.append("--standalone")
    else:
        granted = int(environment.get("SLURM_JOB_NUM_NODES", environment.get("SLURM_NNODES", "0")) or 0)
        if granted < nodes:
            raise BadRequestError(
                f"{nodes} nodes were asked for, and this job runs in a Slurm allocation of {granted}. Start "
                f"it inside one of {nodes} nodes (sbatch --nodes={nodes}), or with fewer nodes."
            )
        identifier = environment.get("SLURM_JOB_ID", "0")
        port = _FIRST_PORT + int(identifier) % _PORTS
        command += [
            f"--rdzv-id={identifier}",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={socket.gethostname()}:{port}",
        ]
        command = ["srun", f"--nodes={nodes}", "--ntasks-per-node=1", *command]
    return [*command, "-m", module, str(work)]


def _pass_on(event: Event, reporter: Reporter) -> None:
    kind = event["kind"]
    if kind == EventKind.PROGRESS.value:
        reporter.progress(event["stage"], event["fraction"])
    elif kind == EventKind.LOG.value:
        reporter.log(event["message"])
    elif kind == EventKind.WARNING.value:
        reporter.warning(event["message"])
    elif kind == EventKind.METRIC.value and event["value"] is not None:
        reporter.metric(event["name"], event["value"], event["step"])


def _outcome(work: Path, exit_code: int) -> dict[str, Any]:
    try:
        outcome = read_json(work / OUTCOME_NAME)
    except (OSError, ValueError):
        raise MambaMedError(
            f"The processes that train together ended with code {exit_code} and no result; what they printed is in the "
            "job's engine.log. Resume the job to go on from the last checkpoint."
        ) from None
    if "done" in outcome:
        return dict(outcome["done"])
    raise (JobCancelledError if outcome.get("cancelled") else MambaMedError)(str(outcome["message"]))
