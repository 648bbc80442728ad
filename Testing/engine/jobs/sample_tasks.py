"""Tasks for the tests of the engine, given to it with ``--task``; standard library only, so that workers start fast."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mambamed.errors import BadRequestError

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def write_text(request, job):
    """Write settings["text"] as an output, printing by Python, by a C library and by a child process."""
    print("printed by Python")
    libc = ctypes.CDLL(None)
    libc.puts(b"printed by C")
    libc.fflush(None)
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)
    job.progress("writing", 0.5)
    job.warning("read it with care")
    job.metric("loss", 0.25, step=3)
    with job.record.timed("write"):
        job.output_path("text.txt").write_text(request.settings["text"])
    job.record.add_output("text", "outputs/text.txt")
    job.record.update(device="cpu", pid=os.getpid(), jobs_before=job.cache.get("jobs", 0))
    job.cache["jobs"] = job.cache.get("jobs", 0) + 1


def _begin_output_and_child(job):
    child = subprocess.Popen(SLEEPER, start_new_session=True)
    job.output_path("half.txt").write_text("half")
    _, temporary_name = tempfile.mkstemp()
    Path(job.directory, "temporary.path").write_text(temporary_name)
    Path(job.directory, "child.pid").write_text(str(child.pid))
    job.progress("waiting", 0.25)


def wait_politely(request, job):
    """Run until cancelled, asking often."""
    _begin_output_and_child(job)
    while True:
        job.check_cancelled()
        time.sleep(0.02)


def wait_stubbornly(request, job):
    """Hold Python's lock inside native code, as a library that never returns does: no thread of ours runs meanwhile."""
    _begin_output_and_child(job)
    ctypes.PyDLL(None).sleep(600)


def die(request, job):
    """End the process without a word, as a crash in native code does."""
    _begin_output_and_child(job)
    print("last words", flush=True)
    os._exit(7)


def refuse(request, job):
    """Refuse the request."""
    job.output_path("half.txt").write_text("half")
    raise BadRequestError("The volume is empty; choose another one.")


def stumble(request, job):
    """Fail for a reason that nobody foresaw."""
    job.output_path("half.txt").write_text("half")
    raise ZeroDivisionError("division by zero")


def fill_the_disk(request, job):
    """Meet a disk that is full from now on for this process: no file can grow."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    job.progress("writing", 0.5)
