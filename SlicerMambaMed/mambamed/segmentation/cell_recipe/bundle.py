"""Turn a training of the recipe into the bundled model ``cells-microscopy``, with its card and measured scores.

Run it as ``python -m mambamed.segmentation.cell_recipe.bundle --trained DIR --output DIR [--judged FILE]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mambamed.models.bundle import bundle_model
from mambamed.models.bundle_command import run_bundle_command
from mambamed.models.card import CardInput
from mambamed.models.card import CardLabel
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.segmentation.cell_recipe.recipe import FEATURES_PER_STAGE
from mambamed.segmentation.cell_recipe.recipe import PATCH_SIZE
from mambamed.segmentation.instances import BOUNDARY
from mambamed.segmentation.instances import INTERIOR

__all__ = ["CELL_LABELS", "bundle_cell_model", "metrics_of"]

_JUDGE = "python -m mambamed.segmentation.cell_recipe.judge; see docs/models/cells-microscopy.md"
_CELL = {
    "category": {"scheme": "SCT", "code": "123037004", "meaning": "Anatomical Structure"},
    "type": {"scheme": "SCT", "code": "4421005", "meaning": "Cell"},
}
CELL_LABELS = (
    CardLabel(INTERIOR, "Cell interior", (86, 180, 233), _CELL),
    CardLabel(BOUNDARY, "Cell boundary", (213, 94, 0), _CELL),
)


def metrics_of(judged: dict[str, Any]) -> tuple[CardMetric, ...]:
    """Return the card's metrics: F1 by kind of picture, for the model and the baseline."""
    names = {"model": "F1 at IoU 0.5", "threshold": "F1 at IoU 0.5 of the baseline (Otsu threshold, connected pieces)"}
    metrics = []
    for group, values in judged["summary"].items():
        real = group == "real"
        for kind, name in names.items():
            metrics.append(
                CardMetric(
                    name=name,
                    label="cells",
                    value=round(values[kind]["mean"], 4),
                    spread=round(values[kind]["standard_deviation"], 4),
                    cases=int(values[kind]["cases"]),
                    measured_on=(
                        "real pictures of the NeurIPS 2022 cell segmentation challenge, never seen in training"
                        if real
                        else f"synthetic pictures of other seeds, never seen in training: {group}"
                    ),
                    how=f"instances matched one to one; {_JUDGE}",
                )
            )
    return tuple(metrics)


def bundle_cell_model(
    trained: Path,
    destination: Path,
    version: str,
    judged: dict[str, Any] | None = None,
    checkpoint: str = "checkpoint_final.pth",
) -> ModelCard:
    """Write the model folder (weights, plans, data set, card) and return the card.

    Args:
        trained: Folder that the recipe trained.
        destination: Empty or new folder.
        version: Semantic version of the model.
        judged: Content of the judge's file.
        checkpoint: Which checkpoint to take.
    """
    card = ModelCard(
        id="cells-microscopy",
        version=version,
        title="Cells in microscopy pictures",
        task="segmentation",
        modality="SM",
        inputs=(
            CardInput(
                "image",
                "Picture",
                "2D picture of cells with a radius of about 5 to 24 pixels; grey, or colour made grey.",
            ),
        ),
        labels=CELL_LABELS,
        makes_instances=True,
        patch_size=PATCH_SIZE[::-1],
        network=f"U-Mamba Enc 2D, features {' '.join(map(str, FEATURES_PER_STAGE))}, one block per stage",
        weights=(CardWeights("fold_all/checkpoint_final.safetensors"),),
        training_data=(
            "Synthetic pictures only, no real image: 300 random layouts of star-shaped cells painted in five looks "
            "(fluorescent bodies, fluorescent rims, stained bodies, blood smear, phase contrast), with nnU-Net's "
            "augmentation."
        ),
        licence="Apache-2.0",
        metrics=metrics_of(judged) if judged else (),
        limits=(
            "Not for clinical use: no quality assurance, no regulatory clearance.",
            "Learned from drawn cells: expect less on real pictures than the scores on synthetic ones say.",
            "Cells much larger or smaller than 5 to 24 pixels in radius are cut into pieces or missed; scale the "
            "picture first.",
            "Cells with long processes, dense tissue and overlapping cells are outside what it learned.",
            "Colour is not used.",
        ),
        intended_use=(
            "Demonstration, teaching and research: 2D segmentation of PNG and TIFF from end to end. "
            "Not for diagnosis or treatment."
        ),
        demonstration_only=True,
        references=(
            "Ma J, Li F, Wang B. U-Mamba: Enhancing long-range dependency for biomedical image segmentation. "
            "arXiv:2401.04722, 2024.",
        ),
    )
    return bundle_model(trained, destination, card, fold="all", checkpoint=checkpoint, half_precision=True)


if __name__ == "__main__":
    run_bundle_command(bundle_cell_model, "cells-microscopy")
