from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.cli.delivery import Delivery
from mambamed.errors import BadRequestError
from mambamed.jobs.events import EventKind
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState

NOBODY = 65534
"""The user nobody on every POSIX system."""


@pytest.fixture
def finish():
    """Make a job look done, with a label map, a table and a probability map."""

    def finish(job):
        job.create(JobRequest("segment"))
        (job.outputs_folder / "probabilities").mkdir(parents=True)
        image = sitk.GetImageFromArray(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
        image.SetOrigin((1.0, 2.0, 3.0))
        sitk.WriteImage(image, str(job.outputs_folder / "segmentation.nii.gz"))
        sitk.WriteImage(image, str(job.outputs_folder / "probabilities" / "grey.nii.gz"))
        (job.outputs_folder / "volumes.csv").write_text("value,name\n")
        outputs = {
            "segmentation": "outputs/segmentation.nii.gz",
            "volumes": "outputs/volumes.csv",
            "probability of grey": "outputs/probabilities/grey.nii.gz",
        }
        write_json_atomically(job.record_file, {"outputs": outputs})
        job.append(EventKind.STATE, state=JobState.DONE)
        return job

    return finish


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_file_output_names_everything_after_the_file(tmp_path, finish):
    delivery = Delivery(tmp_path / "new" / "case.nii.gz", "segmentation", overwrite=False)
    with delivery.job_directory() as job:
        files = delivery.deliver(finish(job))
    assert files_below(tmp_path) == [
        "new/case.nii.gz",
        "new/case_probabilities_grey.nii.gz",
        "new/case_record.json",
        "new/case_volumes.csv",
    ]
    record = json.loads(files["record"].read_text(encoding="utf-8"))
    assert record["outputs"]["segmentation"] == "case.nii.gz"
    assert record["outputs"]["probability of grey"] == "case_probabilities_grey.nii.gz"


def test_folder_output_keeps_the_names(tmp_path, finish):
    delivery = Delivery(tmp_path / "out", "segmentation", overwrite=False)
    with delivery.job_directory(keep_in=tmp_path / "job") as job:
        delivery.deliver(finish(job), keep=True)
    assert files_below(tmp_path / "out") == [
        "probabilities/grey.nii.gz",
        "record.json",
        "segmentation.nii.gz",
        "volumes.csv",
    ]
    assert job.outputs["segmentation"].exists()


def test_other_image_format_is_converted(tmp_path, finish):
    delivery = Delivery(tmp_path / "case.nrrd", "segmentation", overwrite=False)
    with delivery.job_directory() as job:
        files = delivery.deliver(finish(job))
    image = sitk.ReadImage(str(files["segmentation"]))
    assert image.GetOrigin() == (1.0, 2.0, 3.0)
    assert sitk.GetArrayFromImage(image).ravel().tolist() == list(range(24))


def test_existing_output_needs_overwrite_and_is_replaced_only_at_the_end(tmp_path, finish):
    output = tmp_path / "case.nii.gz"
    output.write_text("old")
    with pytest.raises(BadRequestError, match="exists already"):
        Delivery(output, "segmentation", overwrite=False)
    delivery = Delivery(output, "segmentation", overwrite=True)
    with delivery.job_directory() as job:
        finish(job)
        assert output.read_text(encoding="utf-8") == "old"
        delivery.deliver(job)
    assert output.stat().st_size > 3


def test_nothing_is_delivered_when_one_file_is_in_the_way(tmp_path, finish):
    delivery = Delivery(tmp_path / "other.nii.gz", "segmentation", overwrite=False)
    (tmp_path / "other_volumes.csv").write_text("mine")
    with delivery.job_directory() as job, pytest.raises(BadRequestError, match=r"other_volumes\.csv exists already"):
        delivery.deliver(finish(job))
    assert files_below(tmp_path) == ["other_volumes.csv"]


def test_nothing_is_left_when_nothing_comes_of_the_job(tmp_path):
    delivery = Delivery(tmp_path / "deep" / "er" / "case.nii.gz", "segmentation", overwrite=False)
    with contextlib.suppress(RuntimeError), delivery.job_directory() as job:
        job.create(JobRequest("segment"))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadRequestError):
        Delivery(tmp_path / "file", "segmentation", overwrite=True)
    with pytest.raises(BadRequestError):
        Delivery(tmp_path / "file" / "case.nii.gz", "segmentation", overwrite=True)


@pytest.fixture
def foreign_folder():
    """A folder that one may look into but not write to; for a root user by being another user for a while."""
    folder = Path(tempfile.mkdtemp(prefix="mambamed-foreign-"))
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    yield folder
    os.seteuid(user)
    folder.chmod(0o700)
    folder.rmdir()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_folder_without_permission(foreign_folder):
    with pytest.raises(BadRequestError, match="no permission"):
        Delivery(foreign_folder / "case.nii.gz", "segmentation", overwrite=False)
