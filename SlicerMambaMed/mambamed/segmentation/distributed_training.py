"""One of several processes that train a segmentation network together; started by ``training.distributed_launch``.

``python -m torch.distributed.run --nproc-per-node 2 -m mambamed.segmentation.distributed_training WORK``
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambamed.nn.device import choose_device
from mambamed.segmentation.training import train_here
from mambamed.segmentation.training_settings import SegmentationTrainingSettings
from mambamed.training.distributed_worker import run_worker

__all__ = ["main"]


def main(work: Path) -> int:
    """Train with the other processes; returns the exit code."""

    def train(order: Mapping[str, Any], reporter: Any) -> dict[str, str]:
        settings = SegmentationTrainingSettings.from_json(order["settings"])
        return {"folder": str(train_here(settings, work, order["dataset"], order["plans"], reporter, order["resume"]))}

    return run_worker(work, lambda order: choose_device(order["settings"]["device"]), train)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
