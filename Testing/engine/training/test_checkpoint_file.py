from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mambamed.training.checkpoint_file import write_checkpoint

KILLED_WRITER = """
import os, signal, sys, torch
from mambamed.training import checkpoint_file

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

class HalfWritten:
    def __init__(self, stream):
        self.stream = stream
    def write(self, data):
        self.stream.write(data[: len(data) // 2])
        self.stream.flush()
        die()

where, path = sys.argv[1:]
if where == "while writing":
    honest = torch.save
    torch.save = lambda content, stream: honest(content, HalfWritten(stream), _use_new_zipfile_serialization=False)
elif where == "before the disk has it":
    os.fsync = die
else:
    os.replace = die
checkpoint_file.write_checkpoint({"epoch": 2, "weights": torch.ones(100_000)}, path)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
@pytest.mark.parametrize("where", ["while writing", "before the disk has it", "before the new name"])
def test_a_killed_writer_leaves_the_last_checkpoint(tmp_path: Path, where: str) -> None:
    path = tmp_path / "checkpoint_latest.pth"
    write_checkpoint({"epoch": 1, "weights": torch.zeros(3)}, path)
    ended = subprocess.run([sys.executable, "-c", KILLED_WRITER, where, str(path)], check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()
    assert torch.load(path, weights_only=True)["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir() if file != path] == ["checkpoint_latest.pth.part"]
    write_checkpoint({"epoch": 3, "weights": torch.zeros(3)}, path)
    assert torch.load(path, weights_only=True)["epoch"] == 3
    assert list(tmp_path.iterdir()) == [path]
