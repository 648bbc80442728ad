"""Writing a checkpoint whole or not at all: a training may be killed, and a machine may stop, at any moment."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["write_checkpoint"]


def write_checkpoint(content: Any, path: Path | str) -> None:
    """Write with ``torch.save`` beside ``path``, bring it to the disk, and rename it.

    At any moment ``path`` is the old checkpoint or the new one, whole. What a killed writer leaves is a file with the
    ending ``.part``, which the next checkpoint replaces.

    Args:
        content: What ``torch.save`` takes.
        path: Final name.
    """
    target = Path(path)
    unfinished = target.with_name(f"{target.name}.part")
    with unfinished.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(unfinished, target)
    # The new name is a change of the folder, which the disk must know too; Windows has no such call.
    with contextlib.suppress(OSError, AttributeError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
