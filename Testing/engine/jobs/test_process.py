from __future__ import annotations

import subprocess
import sys

import pytest
from mambamed.errors import MambaMedError
from mambamed.jobs.launch import start_detached_job
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.process import kill_process_tree
from mambamed.jobs.process import start_in_own_group
from mambamed.jobs.states import JobState

GRANDPARENT = """
import subprocess, sys
code = "import time; time.sleep(600)"
children = [subprocess.Popen([sys.executable, "-c", code], start_new_session=own) for own in (True, False)]
print(*[child.pid for child in children], flush=True)
children[0].wait()
"""


def test_tree_kill_reaches_children_with_sessions_of_their_own(wait_until):
    parent = start_in_own_group([sys.executable, "-c", GRANDPARENT], stdout=subprocess.PIPE)
    children = [ProcessIdentity.of(int(word)) for word in parent.stdout.readline().split()]
    assert len(children) == 2
    assert all(child.is_alive() for child in children)
    kill_process_tree(parent.pid)
    parent.wait(60)
    parent.stdout.close()
    wait_until(lambda: not any(child.is_alive() for child in children))


CHILDREN_ALONE = """
import os, subprocess, sys
from mambamed.jobs.process import kill_process_tree
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
kill_process_tree(os.getpid(), include_itself=False)
print(child.wait(60))
"""


def test_children_alone_can_be_ended(extra_tasks):
    assert subprocess.check_output([sys.executable, "-c", CHILDREN_ALONE], text=True).strip() == "-9"


def test_killing_what_has_ended_is_no_error():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(60)
    kill_process_tree(child.pid)


def test_identity_of_an_ended_process_is_dead_and_ours_alive():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity.is_alive()
    child.communicate()
    assert not identity.is_alive()
    assert ProcessIdentity.current().is_alive()
    assert ProcessIdentity.from_json(identity.to_json()) == identity
    assert ProcessIdentity.from_json({"pid": "x"}) is None


def test_zombie_counts_as_ended(wait_until):
    child = subprocess.Popen([sys.executable, "-c", ""])
    identity = ProcessIdentity.of(child.pid)
    wait_until(lambda: not identity.is_alive())  # nobody has waited for it yet
    child.wait(60)


def test_detached_job_runs_to_its_end(make_job, extra_tasks, wait_until):
    job = make_job("write_text", text="far away")
    start_detached_job(job, extra_tasks=extra_tasks)
    wait_until(lambda: job.state().is_final)
    assert job.state() is JobState.DONE
    assert job.outputs["text"].read_text(encoding="utf-8") == "far away"


def test_detached_job_that_cannot_start_has_failed(make_job, tmp_path):
    job = make_job("write_text")
    with pytest.raises(MambaMedError, match="could not be started"):
        start_detached_job(job, python=str(tmp_path / "no-python"))
    assert job.state() is JobState.FAILED


def test_detached_job_whose_python_lacks_the_engine_has_failed(make_job, wait_until):
    job = make_job("write_text")
    start_detached_job(job, environment={"PATH": ""}, command_prefix=[sys.executable, "-S", "-I", "-c", "1 / 0"])
    wait_until(lambda: job.state().is_final)
    assert job.state() is JobState.FAILED
    assert "ZeroDivisionError" in job.status().details
