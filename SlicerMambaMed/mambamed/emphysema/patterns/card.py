"""The card of the pattern model."""

from __future__ import annotations

from typing import Any

from mambamed.emphysema.patterns.codes import PATCH_SIZE
from mambamed.emphysema.patterns.codes import PATTERN_CODES
from mambamed.emphysema.patterns.codes import PATTERN_NAMES
from mambamed.emphysema.patterns.codes import PATTERN_SPACING_MM
from mambamed.models.card import CardInput
from mambamed.models.card import CardLabel
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard

__all__ = ["pattern_card"]

_COLORS = ((221, 221, 221), (0, 114, 178), (204, 121, 167), (240, 228, 66), (230, 159, 0), (213, 94, 0))
_HOW = "mambamed train emphysema-patterns"
_MEASURES = {
    "accuracy": "accuracy over six classes",
    "normal_or_emphysema_accuracy": "accuracy of normal against emphysema",
}
_CLASSIFIERS = {
    "network": "",
    "laa950_threshold": " of the baseline: share of pixels below -950 HU",
    "histogram_neighbours": " of the baseline: histograms and nearest neighbours",
}
_SPLIT_WORDS = {
    "random": "five folds, stratified and shuffled; patches of one patient may lie on both sides",
    "blocks": "five folds of consecutive patches per class, which keeps most neighbours from one scan together",
}


def pattern_card(report: dict[str, Any]) -> ModelCard:
    """Return the card with the measures of the cross-validations in ``report``."""
    metrics = tuple(
        CardMetric(
            name + words,
            round(report[split][classifier][key], 4),
            spread=round(report[split][classifier][f"{key}_sd"], 4),
            cases=report["patches"],
            measured_on=f"patches that the networks did not see: {_SPLIT_WORDS[split]}",
            how=_HOW,
        )
        for split in _SPLIT_WORDS
        if split in report
        for classifier, words in _CLASSIFIERS.items()
        for key, name in _MEASURES.items()
    )
    return ModelCard(
        id="emphysema-patterns",
        version="1.0.0",
        title="Local emphysema patterns",
        task="emphysema",
        modality="CT",
        inputs=(CardInput("ct", "Chest CT", "HU; windows of the lungs in axial slices."),),
        labels=tuple(
            CardLabel(index + 1, f"{code}: {PATTERN_NAMES[code]}", _COLORS[index])
            for index, code in enumerate(PATTERN_CODES)
        ),
        spacing_mm=(PATTERN_SPACING_MM, PATTERN_SPACING_MM),
        patch_size=(PATCH_SIZE, PATCH_SIZE),
        network="soft HU levels, five 2D convolutions with batch norm and ReLU, mean and attention-weighted mean",
        weights=(CardWeights("patterns.safetensors"),),
        training_data=(
            f"{report['patches']} labelled patches of 31 x 31 pixels from the Chest Imaging Platform "
            "(Resources/EmphysemaPatches.mat): normal tissue, paraseptal, panlobular, and mild, moderate and severe "
            "centrilobular emphysema. All come from one source; there are no patient identifiers."
        ),
        licence=(
            "LicenseRef-Chest-Imaging-Platform (BSD style; its text lies beside the weights). All or portions of this "
            "licensed product (such portions are the Software) have been obtained under license from The Brigham and "
            "Women's Hospital, Inc. and are subject to its terms and conditions."
        ),
        intended_use="Research: a map of textures beside density measures. Not for clinical use.",
        demonstration_only=False,
        limits=(
            "One source of data, no patient identifiers: other scanners, kernels and patients are untested.",
            f"The pixel size of the patches is not stated; {PATTERN_SPACING_MM} mm in the slice are assumed.",
            "Thick slices (more than 2 mm), pixels above 1 mm, and low doses are outside what it learned.",
            "The codes of the three centrilobular classes are read as mild, moderate and severe.",
        ),
        metrics=metrics,
        references=(
            "San Jose Estepar R, Ross JC, Harmouche R, Onieva J, Diaz AA, Washko GR. Chest Imaging Platform: An "
            "Open-Source Library and Workstation for Quantitative Chest Imaging. Am J Respir Crit Care Med 191, 2015.",
        ),
    )
