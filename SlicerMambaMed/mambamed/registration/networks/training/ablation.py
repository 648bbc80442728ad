"""VMambaMorph as published and corrected, 4 and 6 scan directions, with and without features, with matches of features.

Run it as ``python -m mambamed.registration.networks.training.ablation --output TABLE.md [--steps N]``. Pairs are random
shapes in one contrast, the same for every row, as is the small budget; no data are needed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.training.train import train_network

__all__ = ["VARIANTS", "ablation_table", "markdown"]

_SCANS: Mapping[str, Mapping[str, Any]] = {
    "as published (4 directions)": {"mode": "reference"},
    "corrected, 4 directions": {"mode": "corrected", "directions": 4},
    "corrected, 6 directions": {"mode": "corrected", "directions": 6},
}
VARIANTS: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    *(("vmambamorph", name, arguments) for name, arguments in _SCANS.items()),
    *(("vmambamorph_feat", name, arguments) for name, arguments in _SCANS.items()),
    ("vmambamorph_feat", "corrected, 6 directions, sees matches", {"matching_radius": 1}),
    (
        "vmambamorph_feat",
        "corrected, 6 directions, sees matches of self-similarity",
        {"matching_radius": 1, "self_similarity": True},
    ),
)
"""Architecture, name, settings of the network."""
_SIZE = 32
_SMALL = {"embed_dim": 16, "state_size": 8}
_EPOCHS = 5


def ablation_table(steps: int, seed: int, validation_pairs: int, reporter: Reporter) -> list[dict[str, Any]]:
    """Train every variant for ``steps`` steps on the same pairs; one row per variant."""
    rows = []
    for architecture, name, arguments in VARIANTS:
        settings = NetworkTrainingSettings(
            shapes=True,
            architecture=architecture,
            arguments={**_SMALL, **arguments},
            grid_shape=(_SIZE,) * 3,
            spacing_mm=3.0,
            epochs=_EPOCHS,
            iterations=max(1, steps // _EPOCHS),
            validation_pairs=validation_pairs,
            learning_rate=2e-3,
            smoothness_weight=0.05,
            same_contrast_share=1.0,
            precision="float32",
            device="cpu",
            seed=seed,
        )
        with tempfile.TemporaryDirectory() as folder:
            _, table = train_network(settings, Path(folder), reporter)
        rows.append({"variant": name, "features": architecture.endswith("_feat"), **table})
        reporter.log(f"{name}, {architecture}: Dice {table['registered']['dice_percent']['mean']:.2f} %")
    return rows


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a table."""
    lines = [
        "| VMambaMorph | features | Dice (%) | HD95 (voxels) | folded (%) | parameters (million) | s per pair |",
        "|---|---|---|---|---|---|---|",
    ]
    initial = rows[0]["initial"]
    lines.append(f"| no registration | | {_value(initial['dice_percent'])} | {_value(initial['hd95_voxels'])} | | | |")
    for row in rows:
        found = row["registered"]
        lines.append(
            f"| {row['variant']} | {'yes' if row['features'] else 'no'} | {_value(found['dice_percent'])} | "
            f"{_value(found['hd95_voxels'])} | {_value(found['folded_percent'])} | {row['parameters_million']:.3f} | "
            f"{row['seconds']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _value(measure: Mapping[str, float]) -> str:
    return f"{measure['mean']:.2f} ± {measure['deviation']:.2f}"


def main() -> None:
    """Command line: print and write the table."""
    parser = argparse.ArgumentParser(description="Compare variants of VMambaMorph on the same small budget.")
    parser.add_argument("--output", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--steps", type=int, default=150, help="training steps of each variant (default: 150)")
    parser.add_argument("--pairs", type=int, default=10, help="pairs for validation (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and pairs (default: 0)")
    parser.add_argument("--threads", type=int, default=0, help="threads (default: PyTorch's choice)")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    table = markdown(ablation_table(arguments.steps, arguments.seed, arguments.pairs, NullReporter()))
    arguments.output.write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
