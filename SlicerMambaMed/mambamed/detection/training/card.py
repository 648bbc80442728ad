"""The card of a detector: what it learned from, what was measured, what it must not be used for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mambamed.detection.model import WEIGHTS_NAME
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.models.card import CardInput
from mambamed.models.card import CardLabel
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard

__all__ = ["training_card"]

# Paul Tol's bright scheme: colour-blind people can tell them apart.
_COLORS = ((68, 119, 170), (238, 102, 119), (34, 136, 51), (204, 187, 68), (102, 204, 238), (170, 51, 119))
_SHOWN = {
    "ap50": "AP50 (11 recalls)",
    "ap75": "AP75 (11 recalls)",
    "map": "mAP over overlaps 0.50 to 0.95",
    "mean_sensitivity": "mean sensitivity at 1/8 to 8 false boxes per image",
}
_METHODS = {
    "dcfl": "DCFL",
    "retinanet-o": "RetinaNet-O (largest overlap)",
    "atss-o": "ATSS-O (adaptive selection)",
}


def training_card(settings: DetectionTrainingSettings, classes: Sequence[str], report: dict[str, Any]) -> ModelCard:
    """Return the card of a detector that ``settings`` trained, with the measures of ``report``."""
    synthetic = bool(settings.synthetic)
    measured_on = (
        "synthetic pictures that training has not seen"
        if synthetic
        else "the training images themselves"
        if report["measured_on_training_images"]
        else "images that training has not seen"
    )
    limits = ["It finds what looks like its training images, at their pixel size and contrast."]
    if synthetic:
        limits.insert(0, "It has never seen a real image: on real ones its boxes mean nothing beyond a demonstration.")
    if report["measured_on_training_images"]:
        limits.insert(0, "Measured on the images it was trained on: the values say that it learns, not what it finds.")
    grey = settings.synthetic == "ct"
    objects = f"{report['tiles']} tiles of {report['images']} images, {report['objects']} objects"
    return ModelCard(
        id=f"oriented-{settings.synthetic or 'objects'}-{settings.method}",
        version="1.0.0",
        title=f"Oriented {'tiny ' if synthetic else ''}objects: {', '.join(classes)}"
        + (" (demonstration, synthetic)" if synthetic else ""),
        task="detection",
        modality="CT" if grey else "image",
        inputs=(CardInput("image", "Image", "Grey or colour, 0 to 255; of other values set the range to be seen."),),
        labels=tuple(CardLabel(number + 1, name, _color(number)) for number, name in enumerate(classes)),
        patch_size=(settings.tile_px, settings.tile_px),
        network=(
            f"{_METHODS[settings.method]}: {settings.backbone} at {settings.width:g} of its width, feature pyramid of "
            f"{settings.feature_channels} channels from stride {settings.finest_stride}"
            + (", head with the prior-capturing block" if settings.method_settings.prior_capturing else "")
        ),
        weights=(CardWeights(WEIGHTS_NAME),),
        training_data=(
            f"Synthetic pictures ({settings.synthetic}) from seed {settings.synthetic_seed}: {objects}; no patient."
            if synthetic
            else f"{objects}, given by the user."
        ),
        licence="Apache-2.0" if synthetic else "LicenseRef-as-the-training-data-allow",
        intended_use=(
            "Shows how oriented detection works and looks, until a model trained on real images is loaded. Not for "
            "clinical use."
            if synthetic
            else "Research on the detection of oriented objects. Not for clinical use."
        ),
        demonstration_only=synthetic,
        limits=tuple(limits),
        metrics=_metrics(report["test"], classes, measured_on, f"--synthetic {settings.synthetic}" * synthetic),
        references=(
            "Xu C, Ding J, Wang J, Yang W, Yu H, Yu L, Xia G-S. Dynamic Coarse-to-Fine Learning for Oriented Tiny "
            "Object Detection. CVPR 2023.",
            "Chiu H-C, Lin Y-C, Yong DCZ. Checking the Reproducibility and Generalizability of Dynamic Coarse-to-Fine "
            "Learning for Oriented Tiny Object Detection.",
        ),
    )


def _metrics(measured: dict[str, Any], classes: Sequence[str], on: str, options: str) -> tuple[CardMetric, ...]:
    names = {**_SHOWN, **{f"ap50 {label}": "AP50 (11 recalls)" for label in classes}}
    return tuple(
        CardMetric(
            title,
            round(measured[key], 4),
            measured_on=on,
            how=f"mambamed train detection {options}".strip(),
            label=key.removeprefix("ap50 ") if key.startswith("ap50 ") else "",
            cases=measured["images"],
        )
        for key, title in names.items()
        if key in measured
    )


def _color(number: int) -> tuple[int, int, int]:
    return _COLORS[number % len(_COLORS)]
