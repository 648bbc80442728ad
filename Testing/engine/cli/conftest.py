from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.jobs.engine import Engine


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    """A result folder of a tiny 3D U-Mamba with random weights and one input."""
    plans, configuration = make_plans()
    return write_model(
        tmp_path_factory.mktemp("model"), plans, configuration, make_dataset(), trainer="nnUNetTrainerUMambaBot"
    )


class _KeptEngine:
    """An engine that commands may close without ending it, so that one worker serves all tests of a module."""

    def __init__(self, engine):
        self._engine = engine
        self.run = engine.run

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def close(self):
        pass


@pytest.fixture(scope="module")
def kept_engine():
    with Engine(preload=["segment"], environment={"OMP_NUM_THREADS": "1"}) as engine:
        yield _KeptEngine(engine)


@pytest.fixture
def warm_engine(kept_engine, monkeypatch):
    """Let the commands use one warm engine: the real one, in its own processes, started once."""

    def give(*arguments, **options):
        return kept_engine

    monkeypatch.setattr("mambamed.cli.running.Engine", give)
    monkeypatch.setattr("mambamed.jobs.cohort.Engine", give)
    monkeypatch.setattr("mambamed.jobs.dask_cohort.Engine", give)


@pytest.fixture
def write_volume(tmp_path):
    """Write a small oblique, anisotropic volume: ``write_volume(name, array=..., spacing=...)``."""

    def write(name="head.nii.gz", array=None, spacing=(1.2, 0.9, 2.0)):
        if array is None:
            array = np.random.default_rng(0).normal(100, 20, (13, 30, 25)).astype(np.float32)
        image = sitk.GetImageFromArray(array, isVector=False)
        image.SetSpacing((*spacing, 1.0)[: image.GetDimension()])
        if image.GetDimension() == 3:
            image.SetOrigin((-10.0, 20.0, 5.0))
            image.SetDirection((0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        sitk.WriteImage(image, str(path))
        return path

    return write
