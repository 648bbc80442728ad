"""Turn a training of the recipe into the bundled model ``vmambamorph-brain``, with its card and measured scores.

Run it as ``python -m mambamed.recipes.brain_registration.bundle --model DIR --judged FILE --output DIR``: the model
folder that the training has left (``outputs/model/vmambamorph-brain``) and the ``.json`` file that
``mambamed.registration.evidence.network_pairs`` wrote for it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mambamed.errors import BadRequestError
from mambamed.models.card import CARD_NAME
from mambamed.models.card import CardMetric
from mambamed.models.card import ModelCard
from mambamed.registration.networks.model import load_network
from mambamed.registration.networks.model import save_network
from mambamed.segmentation.brain_recipe.template import TEMPLATE_REFERENCE

__all__ = ["bundle_network", "metrics_of"]

_JUDGE = "python -m mambamed.registration.evidence.network_pairs; see docs/benchmarks/registration-networks.md"
_STATES = {
    "affine": "after the affine alignment",
    "network": "after the network",
    "network+mind-ssc": "after its refinement with MIND-SSC",
}


def metrics_of(rows: Sequence[Mapping[str, Any]]) -> tuple[CardMetric, ...]:
    """The card's metrics: Dice of real pairs by contrast before and after the network, and what it folded."""
    metrics = []
    for contrast in dict.fromkeys(row["contrast"] for row in rows):
        for method, label in _STATES.items():
            found = [row for row in rows if row["contrast"] == contrast and row["method"] == method]
            measures = {"Dice": ("dice", 100.0)}
            if method == "network":
                measures["Voxels with |J| <= 0"] = ("folded_percent", 1.0)
            for name, (key, factor) in measures.items():
                values = [factor * row[key] for row in found]
                if values:
                    metrics.append(
                        CardMetric(
                            name=name,
                            label=f"{contrast}, {label}",
                            value=round(float(np.mean(values)), 2),
                            spread=round(float(np.std(values)), 2),
                            cases=len(values),
                            unit="%",
                            measured_on="whole heads of different persons, never seen in training",
                            how=f"mean over about 30 structures, then over pairs; {_JUDGE}",
                        )
                    )
    return tuple(metrics)


def bundle_network(
    trained: Path, destination: Path, version: str, training: str, rows: Sequence[Mapping[str, Any]] = ()
) -> ModelCard:
    """Write the model folder (card, description, weights) and return the card.

    Args:
        trained: model folder of a training of the recipe.
        destination: new folder.
        version: semantic version of the model.
        training: how it was trained, in words.
        rows: what the judge measured.

    Raises:
        BadRequestError: no such network, measurements of other weights, or the destination holds a model.
    """
    if (destination / CARD_NAME).exists():
        raise BadRequestError(f"The folder {destination} holds a model already; remove it or choose another folder.")
    model = load_network(trained, "cpu")
    own = [*(item.sha256 for item in model.card.weights)]
    for row in rows:
        if row["method"] == "network" and not any(str(checksum) in " ".join(row["weights"]) for checksum in own):
            raise BadRequestError(f"The measurements are of the weights {row['weights']}, not of those in {trained}.")
    card = model.card.replace(
        id="vmambamorph-brain",
        version=version,
        title="Brain MR, deformable registration in one pass",
        modality="MR",
        training_data="Synthetic heads bent from the ICBM152 template, painted with random contrasts; no patient "
        f"data. {training}".strip(),
        licence="Apache-2.0",
        metrics=(*metrics_of(rows), *model.card.metrics),
        limits=(
            "Not for clinical use: no quality assurance, not validated on patients.",
            "Demonstration weights of a short training on a CPU: an optimisation for the pair at hand (refinement) is "
            "more exact than the network alone.",
            "Adult heads in MR, aligned by an affine registration; what that misses by more than 12 mm is not found.",
            "Where the affine alignment is good and contrasts differ, the network may make it worse.",
            "Lesions, resections and other anatomy were not seen in training.",
        ),
        intended_use="Demonstration, teaching and research: a first deformable alignment of two adult heads, or the "
        "start of a refinement. Not for diagnosis or treatment.",
        demonstration_only=True,
        references=(
            "Wang Z, Zheng JQ, Ma C, Guo T. VMambaMorph: a Visual Mamba-based Framework with Cross-Scan Module for "
            "Deformable 3D Image Registration. 2024.",
            "Hoffmann M et al. SynthMorph: learning contrast-invariant registration without acquired images. IEEE "
            "Transactions on Medical Imaging 41(3), 2022.",
            TEMPLATE_REFERENCE,
        ),
    )
    return save_network(destination, model.network, model.description, card)


def main() -> None:
    """Command line: bundle, and print what has come of it."""
    parser = argparse.ArgumentParser(description="Bundle a training of the recipe vmambamorph-brain.")
    parser.add_argument("--model", type=Path, required=True, help="model folder that the training left")
    parser.add_argument("--output", type=Path, required=True, help="model folder to write")
    parser.add_argument("--judged", type=Path, help="JSON file of the judge, for the card's metrics")
    parser.add_argument("--training", default="", help="how it was trained, in words")
    parser.add_argument("--version", default="0.1.0", help="version of the model (default: 0.1.0)")
    arguments = parser.parse_args()
    rows = json.loads(arguments.judged.read_text(encoding="utf-8"))["rows"] if arguments.judged else ()
    card = bundle_network(arguments.model, arguments.output, arguments.version, arguments.training, rows)
    print(f"{card.id} {card.version}: {arguments.output}, {sum(w.bytes or 0 for w in card.weights) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
