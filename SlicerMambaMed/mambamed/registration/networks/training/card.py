"""The model card of a registration network that a training has made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mambamed.models.card import CardInput
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.registration.network_training_settings import NetworkTrainingSettings

__all__ = ["network_words", "table_metrics", "trained_card"]

_TITLES = {
    "vmambamorph": "VMambaMorph",
    "mambamorph": "MambaMorph",
    "transmorph": "TransMorph",
    "voxelmorph": "VoxelMorph",
}
_MEASURES = {
    "dice_percent": ("Dice", "%"),
    "hd95_voxels": ("HD95", "voxels"),
    "folded_percent": ("Voxels with |J| <= 0", "%"),
}


def trained_card(settings: NetworkTrainingSettings, table: Mapping[str, Any]) -> ModelCard:
    """Describe a network that was trained with these settings and measured so (weights are filled in when saved)."""
    kinds = {
        "recipe": f"Synthetic pairs of the recipe {settings.recipe}; no patient data.",
        "shapes": "Random shapes in random contrasts; no patient data.",
        "images": "Images of a folder of the user, registered in pairs.",
        "fixed": "Pairs of images of two folders of the user.",
        "labels": "Label maps of a folder of the user, painted with random contrasts.",
    }
    training_data = next(text for name, text in kinds.items() if getattr(settings, name))
    synthetic = bool(settings.recipe or settings.shapes or settings.from_labels)
    return ModelCard(
        id=settings.recipe or f"{settings.architecture.replace('_', '-')}-trained",
        version="0.1.0",
        title=f"{_title(settings)} deformable registration",
        task="registration",
        modality="MR" if settings.recipe else "any",
        inputs=(
            CardInput("fixed", "Fixed volume", "The volume that stays."),
            CardInput("moving", "Moving volume", "A volume of the same anatomy, aligned by an affine registration."),
        ),
        network=network_words(settings, table),
        weights=(CardWeights("weights.safetensors"),),
        spacing_mm=(settings.spacing_mm,) * 3,
        patch_size=settings.grid_shape,
        training_data=training_data,
        licence="Apache-2.0" if synthetic else "not stated",
        metrics=table_metrics(table, "pairs of the training's validation part"),
        limits=("Not for clinical use: no quality assurance, not validated on patients.",),
        intended_use="Deformable registration of volumes like those it was trained on. Not for clinical use.",
        demonstration_only=True,
    )


def network_words(settings: NetworkTrainingSettings, table: Mapping[str, Any]) -> str:
    """Name architecture, mode, features and size in one line."""
    mode = ""
    if settings.architecture.startswith("vmambamorph"):
        arguments = settings.arguments
        mode = f", {arguments.get('mode', 'corrected')} mode, {arguments.get('directions', 6)} scan directions"
        if arguments.get("mode") == "reference":
            mode = ", reference mode (as published)"
    return f"{_title(settings)}{mode}, {table['parameters_million']:.3f} million parameters"


def table_metrics(table: Mapping[str, Any], measured_on: str) -> tuple[CardMetric, ...]:
    """The table's accuracy columns as metrics of a card."""
    metrics = []
    for state in ("initial", "registered"):
        for key, (name, unit) in _MEASURES.items():
            if key in table[state]:
                value = table[state][key]
                metrics.append(
                    CardMetric(
                        name=name,
                        label="before" if state == "initial" else "after the network",
                        value=round(value["mean"], 4),
                        spread=round(value["deviation"], 4),
                        cases=int(table["pairs"]),
                        unit=unit,
                        measured_on=measured_on,
                        how="mean over labels, then over pairs; printed by the training",
                    )
                )
    return tuple(metrics)


def _title(settings: NetworkTrainingSettings) -> str:
    family, _, variant = settings.architecture.partition("_")
    return _TITLES[family] + {"feat": " with features", "recursive": ", two passes, with features"}.get(variant, "")
