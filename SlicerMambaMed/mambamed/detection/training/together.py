"""Train a detector with several processes: what starts them, and what each of them does.

``python -m torch.distributed.run --nproc-per-node 2 -m mambamed.detection.training.together WORK``
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from mambamed.detection.networks.detector import Detector
from mambamed.detection.networks.detector import build_detector
from mambamed.detection.training.data import prepare_data
from mambamed.detection.training.learning import fit_detector
from mambamed.detection.training.learning import tiles_of
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.jobs.reporter import Reporter
from mambamed.models.weights import load_weights
from mambamed.nn.device import choose_device
from mambamed.training.distributed_launch import train_together
from mambamed.training.distributed_worker import run_worker
from mambamed.training.process_group import rank

__all__ = ["fit_together", "main"]

_WEIGHTS = "trained.safetensors"


def fit_together(
    settings: DetectionTrainingSettings, class_count: int, work: Path, reporter: Reporter, resume: bool
) -> Detector:
    """Train as ``fit_detector`` does, on data that are prepared in ``work``, and return the network.

    Raises:
        JobCancelledError: cancelled or stopped; the checkpoint stays.
        MambaMedError: the training failed.
    """
    train_together(
        "mambamed.detection.training.together",
        {"settings": settings.to_json(), "resume": resume},
        work,
        settings.training_processes,
        settings.nodes,
        reporter,
    )
    network = build_detector(settings.network(class_count))
    network.load_state_dict(load_weights(work / _WEIGHTS))
    return network.eval()


def main(work: Path) -> int:
    """Train with the other processes; the first leaves the weights and the outcome in ``work``."""

    def train(order: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
        settings = DetectionTrainingSettings.from_json(order["settings"])
        data = prepare_data(settings, work)
        network = fit_detector(
            tiles_of(data, settings), len(data.classes), settings, work / "fit", reporter, resume=order["resume"]
        )
        if rank() == 0:
            save_file({name: value.contiguous() for name, value in network.state_dict().items()}, work / _WEIGHTS)
        return {"weights": _WEIGHTS}

    return run_worker(work, lambda order: choose_device(order["settings"]["device"]), train)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
