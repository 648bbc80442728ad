"""Turn a training of the recipe into the bundled model ``brain-tissue-mr``, with its card and measured scores.

Run it as ``python -m mambamed.segmentation.brain_recipe.bundle --trained DIR --output DIR [--judged FILE]`` where
``--trained`` is the trained folder (``.../outputs/model/<trainer>__<plans>__<configuration>``) and ``--judged`` a file
that ``mambamed.segmentation.brain_recipe.judge`` wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mambamed.models.brain_labels import BRAIN_TISSUE_LABELS
from mambamed.models.bundle import bundle_model
from mambamed.models.bundle_command import run_bundle_command
from mambamed.models.card import CardInput
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.segmentation.brain_recipe.dataset import SPACING_MM
from mambamed.segmentation.brain_recipe.recipe import FEATURES_PER_STAGE
from mambamed.segmentation.brain_recipe.recipe import PATCH_SIZE
from mambamed.segmentation.brain_recipe.recipe import plan_for_prediction
from mambamed.segmentation.brain_recipe.template import TEMPLATE_REFERENCE

__all__ = ["bundle_brain_model", "metrics_of"]

_JUDGE = "python -m mambamed.segmentation.brain_recipe.judge; see docs/models/brain-tissue-mr.md"
_OPENING_MM = 6.0
"""Face and neck that are taken for brain hang on it by bridges (optic and cranial nerves, medulla) thinner than twice
this."""
_KINDS = {
    "dice": "Dice",
    "dice_of_intensity_clusters": "Dice of the baseline (three intensity clusters inside the model's brain mask)",
}


def metrics_of(judged: dict[str, Any]) -> tuple[CardMetric, ...]:
    """Return the card's metrics: mean and spread per tissue and contrast, for the model and for the baseline."""
    metrics = []
    for kind, name in _KINDS.items():
        for contrast in ("T1", "FLAIR"):
            for label, value in judged["summary"].get(f"{kind} {contrast}", {}).items():
                metrics.append(
                    CardMetric(
                        name=name,
                        label=label,
                        value=round(value["mean"], 4),
                        spread=round(value["standard deviation"], 4),
                        cases=int(value["cases"]),
                        measured_on=f"NiChart demonstration subjects, {contrast} at 2 mm, never seen in training",
                        how=f"against DLMUSE regions (automatic reference) mapped to tissues; {_JUDGE}",
                    )
                )
    pair = judged["scans"].get("volunteer T2", {}).get("agreement_with_volunteer_T1", {})
    metrics.extend(
        CardMetric(
            name="Dice between T1 and T2 of one person",
            label=label,
            value=round(value, 4),
            cases=1,
            measured_on="volunteer, T1 and T2 of one session, never seen in training",
            how=f"agreement of two predictions, not accuracy; {_JUDGE}",
        )
        for label, value in pair.items()
    )
    return tuple(metrics)


def bundle_brain_model(
    trained: Path,
    destination: Path,
    version: str,
    judged: dict[str, Any] | None = None,
    checkpoint: str = "checkpoint_final.pth",
) -> ModelCard:
    """Write the model folder (weights, plans for real images, data set, card) and return the card.

    Args:
        trained: Folder that the recipe trained.
        destination: Empty or new folder.
        version: Semantic version of the model.
        judged: Content of the judge's file.
        checkpoint: Which checkpoint to take.
    """
    plans = plan_for_prediction(json.loads((trained / "plans.json").read_text(encoding="utf-8")))
    dataset = {
        "channel_names": {"0": "MR"},
        "labels": {"background": 0, **{label.name: label.value for label in BRAIN_TISSUE_LABELS}},
        "file_ending": ".nii.gz",
        "orientation": "LPS",
    }
    card = ModelCard(
        id="brain-tissue-mr",
        version=version,
        title="Brain tissue on MR of any contrast",
        task="segmentation",
        modality="MR",
        inputs=(
            CardInput(
                "image", "Brain MR", "A 3D volume of a head or a skull-stripped brain: T1, T2, FLAIR, PD or another."
            ),
        ),
        labels=BRAIN_TISSUE_LABELS,
        spacing_mm=(SPACING_MM,) * 3,
        orientation="LPS",
        patch_size=PATCH_SIZE[::-1],
        keep_one_piece_opening_mm=_OPENING_MM,
        network=f"U-Mamba Bot 3D, features {' '.join(map(str, FEATURES_PER_STAGE))}, one block per stage",
        weights=(CardWeights("fold_all/checkpoint_final.safetensors"),),
        training_data=(
            "Synthetic heads only, no patient data: 100 random deformations of one template (ICBM152 2009a nonlinear "
            "symmetric, from the package nilearn) with procedural skull, scalp, face and neck; every training patch is "
            "painted with a fresh random MR contrast, bias, noise and resolution (the SynthSeg idea)."
        ),
        licence="Apache-2.0",
        metrics=metrics_of(judged) if judged else (),
        limits=(
            "Not for clinical use: no quality assurance, no regulatory clearance, not validated on patients.",
            "Learned from one anatomy: tumours, strokes, resections, malformations and infants are not covered.",
            "White matter lesions are meant to count as white matter, but may be taken for another tissue.",
            "The brain mask is the union of the three labels and includes the fluid between brain and skull; where "
            "fluid and bone are both dark (T1, FLAIR) its outer border is uncertain.",
            "Parts of the face, neck or scalp may be labelled as tissue, above all in scans that show the neck.",
            "Works at 2 mm: thin sulci and cortex are smoothed; volumes of small parts are biased.",
            "The scores are against an automatic reference (DLMUSE) on five subjects.",
        ),
        intended_use=(
            "Demonstration, teaching and research: a first tissue map without patient training data. "
            "Not for diagnosis or treatment."
        ),
        demonstration_only=True,
        references=(
            "Ma J, Li F, Wang B. U-Mamba: Enhancing long-range dependency for biomedical image segmentation. "
            "arXiv:2401.04722, 2024.",
            "Billot B, et al. SynthSeg: Segmentation of brain MRI scans of any contrast and resolution without "
            "retraining. Medical Image Analysis 86, 2023.",
            TEMPLATE_REFERENCE,
        ),
    )
    return bundle_model(
        trained,
        destination,
        card,
        fold="all",
        checkpoint=checkpoint,
        half_precision=True,
        plans=plans,
        dataset=dataset,
    )


if __name__ == "__main__":
    run_bundle_command(bundle_brain_model, "brain-tissue-mr")
