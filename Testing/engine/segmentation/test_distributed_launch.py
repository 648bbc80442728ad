from __future__ import annotations

from pathlib import Path

import pytest
from mambamed.errors import BadRequestError
from mambamed.segmentation.distributed_launch import launch_command
from mambamed.segmentation.training_settings import SegmentationTrainingSettings

SLURM = {"SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "4711"}


def command(environment: dict[str, str], **settings: int) -> list[str]:
    chosen = SegmentationTrainingSettings(dataset="/data/Dataset001_A", **settings)
    return launch_command(chosen, Path("/shared/job with space/training"), environment)


def test_one_machine() -> None:
    words = command({}, training_processes=4)
    assert words[1:3] == ["-m", "torch.distributed.run"]
    assert {"--nproc-per-node=4", "--nnodes=1", "--standalone", "--max-restarts=0"} < set(words)
    assert words[-2:] == ["mambamed.segmentation.distributed_training", "/shared/job with space/training"]


def test_several_nodes_are_started_by_srun_and_meet_on_this_one() -> None:
    words = command(SLURM, training_processes=8, nodes=2)
    assert words[:3] == ["srun", "--nodes=2", "--ntasks-per-node=1"]
    assert "--standalone" not in words
    assert "--rdzv-id=4711" in words
    assert any(word.startswith("--rdzv-endpoint=") and word.endswith(":24711") for word in words)


def test_several_nodes_outside_an_allocation_are_refused() -> None:
    with pytest.raises(BadRequestError, match="allocation of 0"):
        command({}, nodes=2)
    with pytest.raises(BadRequestError, match="allocation of 2"):
        command(SLURM, nodes=3)
