"""Operating-system processes: start one that outlives us, tell whether it still lives, end it with all its children."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambamed.jobs import windows_process

__all__ = ["ProcessIdentity", "kill_process_tree", "start_detached", "start_in_own_group"]

_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one with the same number.

    Attributes:
        pid: process number.
        started: when it was started, in a form of the operating system's own (empty when unknown).
        host: name of the machine.
    """

    pid: int
    started: str
    host: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Return the identity of a process on this machine."""
        return cls(pid=pid, started=_start_mark(pid) or "", host=socket.gethostname())

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        return cls.of(os.getpid())

    @classmethod
    def from_json(cls, content: Any) -> ProcessIdentity | None:
        """Return the identity stored in an event, or ``None`` when it holds none."""
        if not isinstance(content, dict) or not isinstance(content.get("pid"), int):
            return None
        return cls(content["pid"], str(content.get("started", "")), str(content.get("host", "")))

    def to_json(self) -> dict[str, Any]:
        """Return the identity as a JSON object."""
        return asdict(self)

    @property
    def is_on_this_machine(self) -> bool:
        """Whether its process number means anything here."""
        return self.host == socket.gethostname()

    def is_alive(self) -> bool:
        """Whether this very process still runs (not ended, not a zombie, not another one with its number).

        Only meaningful where ``is_on_this_machine`` holds.
        """
        mark = _start_mark(self.pid)
        return mark is not None and (not self.started or mark == self.started)


def _start_mark(pid: int) -> str | None:
    """Return when a process was started as a text that is stable while it lives; ``None`` when it does not run."""
    for process in list(_started):  # our own ended children would stay zombies unless somebody asks for their code
        if process.poll() is not None:
            _started.remove(process)
    if sys.platform == "win32":
        return windows_process.start_mark(pid)
    if Path("/proc/self/stat").exists():
        return _start_mark_from_proc(pid)
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return answer[1].strip() if len(answer) == 2 and not answer[0].startswith("Z") else None


def _proc_stat(pid: int) -> list[str] | None:
    """Return the fields of ``/proc/PID/stat`` after the command name: state, parent, ... (proc(5), from field 3)."""
    try:
        content = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return content[content.rfind(")") + 1 :].split()


def _start_mark_from_proc(pid: int) -> str | None:
    fields = _proc_stat(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{boot}:{fields[19]}"  # field 22: start time in clock ticks since boot


def _descendants(pid: int) -> list[int]:
    """Return the numbers of all children and children's children of a process, on POSIX systems."""
    children: dict[int, list[int]] = {}
    if Path("/proc/self/stat").exists():
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _proc_stat(int(entry.name))) is not None:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    else:
        table = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
        for line in table.splitlines():
            child, parent = map(int, line.split())
            children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found


def kill_process_tree(pid: int, include_itself: bool = True) -> None:
    """End a process and everything it has started, at once; processes that have ended already are no error.

    Children are found through the process table and, where ``pid`` leads a process group (``start_in_own_group``),
    through that group, so that a child whose parent has died is ended too.
    """
    if sys.platform == "win32":
        windows_process.kill_tree(pid, include_itself)
        return
    victims = _descendants(pid)
    if include_itself:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid and pid != os.getpgrp():
                os.killpg(pid, signal.SIGKILL)
        victims.append(pid)
    for victim in victims:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(victim, signal.SIGKILL)


def start_in_own_group(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own: Ctrl-C in our terminal does not reach it.

    ``options`` are those of ``subprocess.Popen``.
    """
    if sys.platform == "win32":
        options["creationflags"] = windows_process.NEW_GROUP_WITHOUT_WINDOW
    else:
        options["start_new_session"] = True
    return subprocess.Popen(list(command), **options)


def start_detached(
    command: Sequence[str], log_file: Path, environment: Mapping[str, str] | None = None
) -> ProcessIdentity:
    """Start a process that goes on when we (Slicer, a shell, an SSH connection) end; its output goes to ``log_file``.

    Args:
        command: program and arguments.
        log_file: receives everything printed, appended.
        environment: the process's environment; ours when ``None``.

    Returns:
        The identity of the new process.

    Raises:
        OSError: the program cannot be started.
    """
    with log_file.open("ab") as log:
        process = start_in_own_group(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            close_fds=True,
        )
    _started.append(process)
    return ProcessIdentity.of(process.pid)
