"""One of several processes that train a registration network together; started by ``training.distributed_launch``.

``python -m torch.distributed.run --nproc-per-node 2 -m mambamed.registration.networks.training.worker WORK``
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from mambamed.nn.device import choose_device
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.training.train import train_network
from mambamed.training.distributed_worker import run_worker
from mambamed.training.process_group import rank

__all__ = ["main"]

_WEIGHTS_NAME = "together.safetensors"


def main(work: Path) -> int:
    """Train with the other processes; returns the exit code."""

    def train(order: Mapping[str, Any], reporter: Any) -> dict[str, Any]:
        settings = NetworkTrainingSettings.from_json(order["settings"])
        network, table = train_network(settings, work, reporter, order["resume"])
        path = work / _WEIGHTS_NAME
        if rank() == 0:
            save_file({name: value.contiguous() for name, value in network.state_dict().items()}, str(path))
        return {"weights": str(path), "table": table}

    return run_worker(work, lambda order: choose_device(order["settings"]["device"]), train)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
