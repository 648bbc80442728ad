"""The card of a model that was just trained: counts of its data, labels with their terminology, metrics of the run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambamed.jobs.files import read_json
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CardLabel
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.derive import derive_card
from mambamed.segmentation.training_settings import SegmentationTrainingSettings

__all__ = ["LABEL_DETAILS", "write_trained_card"]

LABEL_DETAILS = "mambamed_labels"
"""Entry of dataset.json with colour and terminology of labels by name; nnU-Net passes it over."""


def write_trained_card(
    folder: Path, settings: SegmentationTrainingSettings, training_cases: int, metrics: Mapping[str, float]
) -> ModelCard:
    """Write ``model-card.json`` into a trained folder and return the card.

    Args:
        folder: ``<trainer>__<plans>__<configuration>`` with its final checkpoint.
        settings: What was trained.
        training_cases: Cases that the network has seen.
        metrics: Last values of the run's curves, by name.
    """
    derived = derive_card(folder)
    dataset = read_json(folder / "dataset.json")
    total = int(dataset.get("numTraining", training_cases))
    held_out = total - training_cases
    final = f"fold_{settings.fold}/checkpoint_final.pth"
    name = settings.dataset_name.partition("_")[2]
    measured_on = f"{held_out} cases of fold {settings.fold}, held out" if held_out else "the training cases themselves"
    card = derived.replace(
        version=time.strftime("%Y.%m.%d"),
        title=f"{name} ({settings.network.title}, {settings.configuration})",
        labels=tuple(_detailed(label, dataset.get(LABEL_DETAILS, {})) for label in derived.labels),
        weights=tuple(
            CardWeights(weights.path, sha256_of_file(folder / weights.path), (folder / weights.path).stat().st_size)
            for weights in derived.weights
            if weights.path == final
        ),
        training_data=f"{name}: {training_cases} training cases, {held_out} held out (fold {settings.fold}).",
        metrics=_metrics(metrics, measured_on, held_out or training_cases),
        limits=(
            "The Dice above is nnU-Net's estimate from random patches during training, not a test on whole images.",
            "Trained by a user of this software; images of other scanners, protocols or diseases were not looked at.",
        ),
        intended_use="Research by those who trained it. Not for clinical use.",
        derived=False,
    )
    card.write(folder)
    return card


def _metrics(metrics: Mapping[str, float], measured_on: str, cases: int) -> tuple[CardMetric, ...]:
    value = metrics.get("validation Dice")
    if value is None or value != value:
        return ()
    how = "mean over labels, random patches of the last epoch"
    return (CardMetric("Dice", float(value), measured_on, how, cases=cases),)


def _detailed(label: CardLabel, details: Mapping[str, Any]) -> CardLabel:
    """Add colour and terminology where the data set has them for this label."""
    known = details.get(label.name, {})
    colour = tuple(int(value) for value in known.get("color", label.color))
    return CardLabel(label.value, label.name, (colour[0], colour[1], colour[2]), dict(known.get("terminology", {})))
