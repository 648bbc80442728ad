from __future__ import annotations

from pathlib import Path

import pytest
from mambamed.errors import BadRequestError
from mambamed.training.distributed_launch import launch_command

SLURM = {"SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "4711"}


def command(environment: dict[str, str], processes: int = 1, nodes: int = 1) -> list[str]:
    return launch_command("some.module", Path("/shared/job with space/training"), processes, nodes, environment)


def test_one_machine() -> None:
    words = command({}, processes=4)
    assert words[1:3] == ["-m", "torch.distributed.run"]
    assert {"--nproc-per-node=4", "--nnodes=1", "--standalone", "--max-restarts=0"} < set(words)
    assert words[-2:] == ["some.module", "/shared/job with space/training"]


def test_several_nodes_are_started_by_srun_and_meet_on_this_one() -> None:
    words = command(SLURM, processes=8, nodes=2)
    assert words[:3] == ["srun", "--nodes=2", "--ntasks-per-node=1"]
    assert "--standalone" not in words
    assert "--rdzv-id=4711" in words
    assert any(word.startswith("--rdzv-endpoint=") and word.endswith(":24711") for word in words)


def test_several_nodes_outside_an_allocation_are_refused() -> None:
    with pytest.raises(BadRequestError, match="allocation of 0"):
        command({}, nodes=2)
    with pytest.raises(BadRequestError, match="allocation of 2"):
        command(SLURM, nodes=3)
