from __future__ import annotations

import pytest
from mambamed.errors import JobCancelledError
from mambamed.jobs import context as context_module
from mambamed.jobs.context import JobContext
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState


@pytest.fixture
def job(make_job):
    return make_job("segment", seed=3)


@pytest.fixture
def context(job):
    context = JobContext(job.path)
    yield context
    context.abandon()


def test_context_is_a_reporter(context):
    assert isinstance(context, Reporter)


def test_outputs_get_their_final_names_at_the_end(job, context):
    context.begin()
    context.output_path("maps/a.txt").write_text("a")
    context.record.add_output("map", "outputs/maps/a.txt")
    assert not job.outputs_folder.exists()
    context.complete()
    assert job.state() is JobState.DONE
    assert job.outputs["map"].read_text(encoding="utf-8") == "a"


def test_second_attempt_adds_to_the_outputs_of_the_first(job, context):
    (job.outputs_folder / "kept").mkdir(parents=True)
    (job.outputs_folder / "kept" / "old.txt").write_text("old")
    context.output_path("kept/new.txt").write_text("new")
    context.complete()
    assert sorted(path.name for path in job.outputs_folder.rglob("*.txt")) == ["new.txt", "old.txt"]
    assert not job.partial_folder.exists()


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", ""])
def test_outputs_cannot_leave_their_folder(context, name):
    with pytest.raises(ValueError, match="outputs folder"):
        context.output_path(name)


def test_cancel_file_raises_in_the_task_and_at_the_end(job, context, wait_until):
    context.begin()
    context.check_cancelled()
    job.request_cancel()
    wait_until(context._cancelled.is_set)
    with pytest.raises(JobCancelledError):
        context.check_cancelled()
    with pytest.raises(JobCancelledError):
        context.complete()
    assert job.result() is None


def test_progress_never_runs_backwards_and_is_not_flooded(job, context, monkeypatch):
    now = 0.0
    monkeypatch.setattr(context_module.time, "monotonic", lambda: now)
    for step in range(1000):
        now = step / 1000
        context.progress("predicting", step / 2000)
    context.progress("writing", 0.1)
    now = 10.0
    context.progress("writing", 0.75)
    context.progress("writing", 7.0)
    events = [event for event in job.events() if event["kind"] == "progress"]
    assert 10 <= len(events) <= 13
    fractions = [event["fraction"] for event in events]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert events[-2]["seconds_left"] == pytest.approx(10 * 0.25 / 0.75)


def test_input_checksums_are_filled_in(tmp_path):
    from mambamed.jobs.directory import JobDirectory

    (tmp_path / "image").write_bytes(b"abc")
    inputs = [
        {"name": "image", "path": str(tmp_path / "image"), "sha256": None},
        {"name": "series", "path": str(tmp_path), "sha256": None},
    ]
    job = JobDirectory(tmp_path / "job").create(JobRequest(task="segment", inputs=inputs))
    context = JobContext(job.path)
    context.begin()
    context.complete()
    recorded = job.result()["inputs"]
    assert recorded[0]["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert recorded[1]["sha256"] is None
    assert job.result()["durations_s"]["total"] >= 0
