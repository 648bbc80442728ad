"""The warm engine as a host such as 3D Slicer drives it: orders and answers, one JSON object per line."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from collections import deque
from pathlib import Path
from typing import IO
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.engine import Engine
from mambamed.jobs.failures import describe_failure
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState
from mambamed.version import __version__

__all__ = ["serve"]

_HOST_GONE_MESSAGE = "The program that had started this job ended before the job did; start the job again."


class _HostGoneError(Exception):
    """The program that started the engine has closed our standard input."""


class _ShutdownError(Exception):
    """The program that started the engine has asked it to end."""


def serve(engine: Engine, orders: IO[str], answers: IO[str]) -> ExitCode:
    """Run the warm engine: one JSON order per line in, one JSON answer per line out, until shutdown or end of input.

    Orders: ``{"command": "run"|"cancel", "directory": DIR}``, ``{"command": "shutdown"}``. Answers:
    ``{"event": "ready", "pid", "version"}``, ``{"event": "started"|"finished", "directory", ...}``,
    ``{"event": "error", "message"}``. Jobs run in the order in which they came; a cancel acts at once. A shutdown
    cancels what still runs or waits; the end of input means that the host died, and fails it.
    """
    incoming: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_read_orders, args=(orders, incoming), daemon=True).start()
    waiting: deque[Path] = deque()
    running: Path | None = None

    def answer(event: str, **fields: Any) -> None:
        answers.write(json.dumps({"event": event, **fields}) + "\n")
        answers.flush()

    def take_order(order: dict[str, Any] | None) -> None:
        if order is None:
            for abandoned in [running, *waiting]:
                if abandoned is not None:
                    JobDirectory(abandoned).mark_failed(_HOST_GONE_MESSAGE)
            raise _HostGoneError
        command = order.get("command")
        directory = order.get("directory")
        if command == "shutdown":
            raise _ShutdownError
        if command not in ("run", "cancel") or not isinstance(directory, str):
            answer("error", message=f"This order is not understood: {json.dumps(order)[:300]}")
        elif command == "run":
            waiting.append(Path(directory))
        elif Path(directory) in waiting:
            waiting.remove(Path(directory))
            state = JobDirectory(directory).cancel(timeout_s=0)
            answer("finished", directory=directory, state=state.value)
        else:
            JobDirectory(directory).request_cancel()

    def take_orders() -> None:
        while True:
            try:
                take_order(incoming.get_nowait())
            except queue.Empty:
                return

    answer("ready", pid=os.getpid(), version=__version__)
    engine.warm_up()
    try:
        while True:
            if not waiting:
                take_order(incoming.get())
                continue
            running = directory = waiting.popleft()
            job = JobDirectory(directory)
            answer("started", directory=str(directory))
            try:
                state = engine.run(directory, take_orders)
                message = job.status().message
            except (BadRequestError, OSError) as error:
                state, message = JobState.FAILED, describe_failure(error).message
            running = None
            answer("finished", directory=str(directory), state=state.value, message=message)
            engine.warm_up()  # a new worker, where the job has cost the last one
    except _HostGoneError:
        return ExitCode.FAILED
    except _ShutdownError:
        for directory in waiting:
            JobDirectory(directory).mark_cancelled()
        return ExitCode.DONE
    finally:
        engine.close()


def _read_orders(pipe: IO[str], incoming: queue.Queue[dict[str, Any] | None]) -> None:
    """Pass on the host's orders; ``None`` stands for the end of input."""
    with contextlib.suppress(OSError, ValueError):
        for line in pipe:
            if line.strip():
                try:
                    order = json.loads(line)
                except ValueError:
                    order = {"command": line.strip()}
                incoming.put(order if isinstance(order, dict) else {"command": str(order)})
    incoming.put(None)
