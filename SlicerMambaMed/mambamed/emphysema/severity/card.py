"""The card of a severity model: what it learned from, what was measured, what it must not be used for."""

from __future__ import annotations

from typing import Any

from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.models.card import CardInput
from mambamed.models.card import CardLabel
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard

__all__ = ["training_card"]

_SHOWN = {
    "accuracy": "accuracy",
    "precision": "precision (mean over classes)",
    "recall": "recall (mean over classes)",
    "f1": "F1 (mean over classes)",
    "mae": "mean absolute error in classes",
    "rmse": "root mean square error in classes",
    "within_one_class": "accuracy within one class",
    "quadratic_kappa": "quadratic weighted kappa",
    "calibration_error": "expected calibration error",
}
_COLORS = ((68, 119, 170), (102, 204, 238), (204, 187, 68), (238, 102, 119), (170, 51, 119), (34, 34, 34))


def training_card(settings: SeverityTrainingSettings, report: dict[str, Any]) -> ModelCard:
    """Return the card of a model that ``settings`` trained, with the measures of ``report``."""
    demonstration = bool(settings.recipe)
    metrics = _metrics(
        report["test"], "test part (15 % of the patients, none of them in training)", "mambamed train severity"
    )
    if "held_out_phantoms" in report:
        metrics += _metrics(
            report["held_out_phantoms"],
            "phantoms of other seeds than those of training, validation and test",
            "mambamed train severity --recipe emphysema-severity-demo",
        )
    limits = [
        "Probabilities are of the classes it was trained with; grades of readers differ between readers.",
        "The answer depends on the lung segmentation.",
    ]
    data = f"{report['cases']} scans from a list of cases; split by patient 70/15/15 with seed {settings.seed}."
    if demonstration:
        data = (
            f"{report['cases']} synthetic chest CT phantoms (no patient), four severities by the share of the lungs "
            "that lesions take (none 0 %, mild below 8 %, moderate 8 to 22 %, severe above), lesions centrilobular, "
            "paraseptal or panlobular, three kernels, doses 0.15 to 1.5, voxels 3 to 5 mm."
        )
        limits.insert(0, "It has never seen a patient: on real scans its grade means nothing beyond a demonstration.")
    configuration = settings.configuration
    return ModelCard(
        id=settings.recipe or "emphysema-severity",
        version="1.0.0",
        title="Emphysema severity (demonstration, trained on phantoms)" if demonstration else "Emphysema severity",
        task="emphysema",
        modality="CT",
        inputs=(CardInput("ct", "Chest CT", "HU; the lungs are resampled and seen alone."),),
        labels=tuple(
            CardLabel(index + 1, name, _COLORS[index % len(_COLORS)]) for index, name in enumerate(settings.classes)
        ),
        spacing_mm=(configuration.spacing_mm,) * 3,
        orientation="LPS",
        patch_size=(configuration.size[2], configuration.size[1], configuration.size[0]),
        network=(
            f"3D CNN, {' '.join(map(str, configuration.channels))} features, batch norm, ReLU, max-pooling, spatial "
            f"softmax attention over the lungs, {configuration.head} head"
        ),
        weights=(CardWeights("severity.safetensors"),),
        training_data=data,
        licence="Apache-2.0" if demonstration else "LicenseRef-as-the-training-data-allow",
        intended_use=(
            "Shows how severity and explanations look and are checked, until a model trained on real cases is loaded. "
            "Not for clinical use."
            if demonstration
            else "Research on emphysema severity. Not for clinical use."
        ),
        demonstration_only=demonstration,
        limits=tuple(limits),
        metrics=metrics,
        references=(
            "Utmal M, Gupta R, Gupta S, Vishwakarma K, Patel V. Explainable Deep Learning Architecture for Accurate "
            "Emphysema Detection in CT Imaging.",
        ),
    )


def _metrics(measured: dict[str, Any], on: str, how: str) -> tuple[CardMetric, ...]:
    return tuple(
        CardMetric(name, round(measured[key], 4), measured_on=on, how=how, cases=measured["cases"])
        for key, name in _SHOWN.items()
    )
