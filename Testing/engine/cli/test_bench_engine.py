from __future__ import annotations

import numpy as np
import pytest
from mambamed.cli.bench_engine import _cancel_time
from mambamed.cli.bench_engine import _start_times
from mambamed.cli.segmentation_options import segmentation_request
from mambamed.errors import MambaMedError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.states import JobState
from mambamed.segmentation.settings import SegmentationSettings


@pytest.fixture
def new_job(tmp_path, small_model):
    def make(image, **settings):
        chosen = SegmentationSettings(model=str(small_model), device="cpu", **settings)
        return JobDirectory(tmp_path / "job").create(segmentation_request([image], chosen))

    return make


def test_times_of_a_job_come_in_their_order(kept_engine, write_volume, new_job):
    preparing_s, segmenting_s, done_s = _start_times(kept_engine, new_job(write_volume(), step_size=1.0))
    assert 0 < preparing_s <= segmenting_s <= done_s


def test_time_of_a_cancel_is_that_of_a_cancelled_job(kept_engine, write_volume, new_job):
    large = np.random.default_rng(0).normal(100, 20, (150, 200, 200)).astype(np.float32)
    job = new_job(write_volume(array=large), step_size=0.25)
    assert _cancel_time(kept_engine, job) > 0
    assert job.state() is JobState.CANCELLED
    assert not job.partial_folder.exists()


def test_job_that_was_too_fast_gives_no_time(kept_engine, write_volume, new_job):
    job = new_job(write_volume())
    job.mark_failed("It failed before.")
    with pytest.raises(MambaMedError, match="nothing was measured"):
        _cancel_time(kept_engine, job)
