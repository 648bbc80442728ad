"""Turn a training of the recipe into the bundled model ``lungs-ct``, with its card and measured scores.

Run it as ``python -m mambamed.recipes.lungs.bundle --trained DIR --output DIR [--judged FILE]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mambamed.models.bundle import bundle_model
from mambamed.models.bundle_command import run_bundle_command
from mambamed.models.card import CardInput
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.lung_labels import LUNG_LABELS
from mambamed.recipes.lungs.dataset import SPACING_MM
from mambamed.recipes.lungs.recipe import FEATURES_PER_STAGE
from mambamed.recipes.lungs.recipe import PATCH_SIZE

__all__ = ["bundle_lung_model", "metrics_of"]

_JUDGE = "python -m mambamed.recipes.lungs.judge; see docs/models/lungs-ct.md"
_TISSUE_ABOVE_HU = -500.0
_REFERENCES = {
    "threshold and region": "against threshold and region growing (mambamed.emphysema.lungs)",
    "its own labels": "against the label map that came with the scan",
}


def metrics_of(judged: dict[str, Any]) -> tuple[CardMetric, ...]:
    """Return the card's metrics: Dice per label on every real scan, and on the held-out phantoms."""
    metrics = [
        CardMetric(
            name="Dice",
            label=label,
            value=scores["dice"],
            cases=1,
            measured_on=f"{entry['scan']}, never seen in training",
            how=f"{_REFERENCES[entry['reference']]}; {_JUDGE}",
        )
        for entry in judged["scans"]
        if entry["method"] == "model" and entry["reference"] in _REFERENCES
        for label, scores in entry["scores"].items()
    ]
    metrics += [
        CardMetric(
            name="Dice",
            label=label,
            value=round(value["mean"], 4),
            spread=round(value["standard deviation"], 4),
            cases=int(value["cases"]),
            measured_on="chest phantoms of other seeds, never seen in training",
            how=f"against the phantoms' truth; {_JUDGE}",
        )
        for label, value in judged["phantoms"].items()
    ]
    return tuple(metrics)


def bundle_lung_model(
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
        id="lungs-ct",
        version=version,
        title="Lungs and large airways on chest CT",
        task="segmentation",
        modality="CT",
        inputs=(
            CardInput(
                "image",
                "Chest CT",
                "A 3D chest CT in HU that shows both lungs; any kernel, with or without contrast agent.",
            ),
        ),
        labels=LUNG_LABELS,
        spacing_mm=(SPACING_MM,) * 3,
        orientation="LPS",
        inside_body_above_hu=_TISSUE_ABOVE_HU,
        one_piece_per_label=True,
        patch_size=PATCH_SIZE[::-1],
        network=f"U-Mamba Bot 3D, features {' '.join(map(str, FEATURES_PER_STAGE))}, one block per stage",
        weights=(CardWeights("fold_all/checkpoint_final.safetensors"),),
        training_data=(
            "Synthetic chest CT phantoms only, no patient data: random thoraces with airways, vessels, emphysema of "
            "three kinds, kernels and doses, half of them with contrast-like enhancement or without a table, with "
            "nnU-Net's augmentation but never mirrored."
        ),
        licence="Apache-2.0",
        metrics=metrics_of(judged) if judged else (),
        limits=(
            "Not for clinical use: no quality assurance, no regulatory clearance, not validated on patients.",
            "Learned from phantoms: consolidation, effusion, large tumours, pneumothorax, removed lobes and infants "
            "are not covered; such lungs are segmented incompletely.",
            "Works at 4 mm: borders are smooth, fissures and small airways are not seen; bronchi within the lungs may "
            "belong to lung or airways.",
            "For lung volumes and density measures the classical segmentation on the scan's own grid is more exact.",
            "Gas in bowel or oesophagus may be labelled.",
        ),
        intended_use=(
            "Demonstration, teaching and research: a first map of both lungs and the airways. "
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
    run_bundle_command(bundle_lung_model, "lungs-ct")
