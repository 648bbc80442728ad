"""SlicerMambaMedLib.SegmentationLogic without a panel: scripts, detached jobs, records; with the real engine."""

from __future__ import annotations

import pytest
from modules.slicermambamed.doubles import FakeStore
from modules.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_tiny_model(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture
def make_logic(slicer_host, tmp_path):
    """Make logics as if each lived in a Slicer of its own; their engines are ended after the test."""
    from SlicerMambaMedLib.SegmentationLogic import SegmentationLogic
    from SlicerMambaMedLib.Session import Session
    from SlicerMambaMedLib.UserSettings import UserSettings

    sessions = []

    def make():
        settings = UserSettings(FakeStore())
        settings.jobsFolder = tmp_path / "jobs"
        sessions.append(Session(settings))
        return SegmentationLogic(sessions[-1])

    yield make
    for session in sessions:
        session.shutdown()


@pytest.fixture
def volume(slicer_host):
    import slicer
    from SlicerMambaMedLib.SelfTest import addPhantomHead

    return addPhantomHead(slicer.mrmlScene, "Head", spacingMm=(5.0, 6.0, 7.0))


def test_a_script_waits_for_the_nodes(make_logic, volume, model, slicer_host):
    import slicer

    assert slicer.util.mainWindow() is None
    nodes = make_logic().segment(volume, model, device="cpu", uncertainty=True)
    assert nodes.segmentation.GetSegmentation().GetNumberOfSegments() == 2
    assert nodes.table.GetNumberOfRows() == 2
    assert nodes.uncertainty.GetName() == "Head uncertainty"
    assert nodes.record.GetName() == "Head run record"


def test_a_script_gets_one_sentence_when_something_is_wrong(make_logic, volume, model):
    logic = make_logic()
    with pytest.raises(ValueError, match="Choose an input volume"):
        logic.segment(None, model)
    with pytest.raises(ValueError, match="takes 1 input volume"):
        logic.segment([volume, volume], model)
    with pytest.raises(ValueError, match="no-such-model"):
        logic.segment(volume, "no-such-model")
    with pytest.raises(ValueError, match="step size"):
        logic.segment(volume, model, step_size=3.0)
    with pytest.raises(RuntimeError, match="cuda:7"):
        logic.segment(volume, model, device="cuda:7")
    assert list(logic.session.settings.jobsFolder.glob("*")) == []


def test_a_detached_job_outlives_its_session_and_the_next_one_brings_the_result(make_logic, volume, model):
    from mambamed.segmentation.settings import SegmentationSettings
    from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest

    first = make_logic()
    request = SegmentationRequest((volume,), SegmentationSettings(model=model, device="cpu", step_size=0.3))
    job = first.start(request, detached=True)
    runner = first.session.runner
    while not job.fraction > 0:
        runner.poll()
    runner._timer.stop()  # Slicer is closed: nobody follows the job here any more
    runner._jobs.clear()
    second = make_logic()
    (attached,) = second.attachRunning()
    assert second.attachRunning() == []
    attached.wait()
    assert attached.outcome == "done", attached.message
    nodes = attached.nodes
    assert nodes.segmentation.GetName() == "Head segmentation"
    assert nodes.segmentation.GetNodeReference(nodes.segmentation.GetReferenceImageGeometryReferenceRole()) is volume
    assert not job.isFinished


def test_a_detached_job_is_cancelled_with_its_process(make_logic, volume, model, wait_until):
    from mambamed.jobs.directory import JobDirectory
    from mambamed.segmentation.settings import SegmentationSettings
    from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest

    logic = make_logic()
    request = SegmentationRequest((volume,), SegmentationSettings(model=model, device="cpu", step_size=0.05))
    job = logic.start(request, detached=True)
    while not job.fraction > 0:
        logic.session.runner.poll()
    process = JobDirectory(job.folder).status().process
    job.cancel()
    job.wait()
    assert job.outcome == "cancelled"
    wait_until(lambda: not process.is_alive())  # it wrote the end of the job just before its own


def test_quitting_ends_the_engine_and_its_job(make_logic, volume, model):
    from mambamed.segmentation.settings import SegmentationSettings
    from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest

    logic = make_logic()
    request = SegmentationRequest((volume,), SegmentationSettings(model=model, device="cpu", step_size=0.05))
    job = logic.start(request)
    while not job.fraction > 0:
        logic.session.runner.poll()
        import slicer

        slicer.app.processEvents()
    logic.session.shutdown()
    assert not logic.session.engine.isRunning
    assert job.outcome == "cancelled"
    assert list(logic.session.settings.jobsFolder.glob("*")) == []


def test_the_same_request_gives_the_same_voxels(make_logic, volume, model):
    import numpy as np
    import slicer

    logic = make_logic()
    results = [logic.segment(volume, model, device="cpu").segmentation for _ in range(2)]
    for index in range(2):
        one, other = (
            slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(index), volume)
            for node in results
        )
        np.testing.assert_array_equal(one, other)
