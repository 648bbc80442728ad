from __future__ import annotations

import os
import signal
import threading

import pytest
from mambamed.errors import BadRequestError
from mambamed.jobs.cohort import Case
from mambamed.jobs.cohort import run_cohort
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState


@pytest.fixture
def cases(tmp_path):
    image = tmp_path / "image.bin"
    image.write_bytes(b"abc")
    inputs = [{"name": "image", "path": str(image), "sha256": None}]
    return [
        Case("good", JobRequest("write_text", inputs, {"text": "good"})),
        Case("dies", JobRequest("die", inputs)),
        Case("bad", JobRequest("refuse", inputs)),
        Case("last", JobRequest("write_text", inputs, {"text": "last"})),
    ]


def states(outcomes):
    return {outcome.name: outcome.state.value for outcome in outcomes}


@pytest.fixture
def dask_scheduler():
    """A Dask cluster of somebody else's, known by its address only."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None, memory_limit=0
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=["engines", "local Dask workers", "a Dask cluster"])
def dask_address(request):
    if request.param == "a Dask cluster":
        return request.getfixturevalue("dask_scheduler")
    return {"engines": None, "local Dask workers": "local"}[request.param]


def test_bad_cases_do_not_stop_the_rest_and_a_second_run_continues(tmp_path, cases, extra_tasks, dask_address):
    folder = tmp_path / "out"
    seen = []
    outcomes = run_cohort(cases, folder, 2, on_outcome=seen.append, extra_tasks=extra_tasks, dask_address=dask_address)
    expected = {"good": "done", "dies": "failed", "bad": "failed", "last": "done"}
    assert states(outcomes) == expected
    assert sorted(outcome.name for outcome in seen) == sorted(expected)
    assert "volume is empty" in outcomes[2].message
    assert outcomes[0].warnings == ("read it with care",)

    again = run_cohort(cases, folder, extra_tasks=extra_tasks, dask_address=dask_address)
    assert states(again) == expected
    assert [outcome.was_done_before for outcome in again] == [True, False, False, True]
    assert [outcome.job.status().attempt for outcome in again] == [1, 2, 2, 1]


def test_case_whose_input_has_changed_runs_again(tmp_path, cases, extra_tasks):
    run_cohort(cases[:1], tmp_path / "out", extra_tasks=extra_tasks)
    (tmp_path / "image.bin").write_bytes(b"other")
    (outcome,) = run_cohort(cases[:1], tmp_path / "out", extra_tasks=extra_tasks)
    assert not outcome.was_done_before
    assert outcome.state is JobState.DONE


def test_other_settings_need_overwrite(tmp_path, cases, extra_tasks):
    run_cohort(cases[:1], tmp_path / "out", extra_tasks=extra_tasks)
    other = [Case("good", JobRequest("write_text", cases[0].request.inputs, {"text": "new"}))]
    with pytest.raises(BadRequestError, match="other inputs or settings"):
        run_cohort(other, tmp_path / "out", extra_tasks=extra_tasks)
    (outcome,) = run_cohort(other, tmp_path / "out", overwrite=True, extra_tasks=extra_tasks)
    assert outcome.job.outputs["text"].read_text(encoding="utf-8") == "new"


def test_interrupt_cancels_what_runs_and_keeps_what_is_done(tmp_path, cases, extra_tasks):
    slow = [cases[0], Case("slow", JobRequest("wait_stubbornly")), cases[3]]

    def interrupt(running):
        if "slow" in running and running["slow"].state() is JobState.RUNNING:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cohort(slow, tmp_path / "out", on_poll=interrupt, extra_tasks=extra_tasks)
    assert JobDirectory(tmp_path / "out" / "good").state() is JobState.DONE
    assert JobDirectory(tmp_path / "out" / "slow").state() is JobState.CANCELLED
    assert not (tmp_path / "out" / "last").exists()


def test_case_at_work_elsewhere_is_left_alone(tmp_path, extra_tasks, child_of):
    from mambamed.jobs.engine import Engine

    request = JobRequest("wait_politely")
    job = JobDirectory(tmp_path / "out" / "slow").create(request)
    with Engine(extra_tasks) as engine:
        runner = threading.Thread(target=engine.run, args=(job.path,))
        runner.start()
        child = child_of(job)
        (outcome,) = run_cohort([Case("slow", request)], tmp_path / "out", extra_tasks=extra_tasks)
        assert outcome.state is JobState.RUNNING
        assert "Another process" in outcome.message
        job.request_cancel()
        runner.join()
    if child.is_alive():
        os.kill(child.pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "c:", "x" * 201])
def test_case_names_that_are_no_folders_are_refused(tmp_path, name):
    with pytest.raises(BadRequestError, match="name of a case"):
        run_cohort([Case(name, JobRequest("write_text"))], tmp_path)


def test_repeated_case_names_are_refused(tmp_path):
    with pytest.raises(BadRequestError, match="more than once: a"):
        run_cohort([Case("a", JobRequest("x")), Case("a", JobRequest("x"))], tmp_path)
