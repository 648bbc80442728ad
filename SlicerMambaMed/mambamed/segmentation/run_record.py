"""The record of a prediction: everything needed to repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from torch import nn

from mambamed.jobs.files import sha256_of_file
from mambamed.jobs.record import package_versions
from mambamed.nn.mamba import Mamba
from mambamed.scan import choose_backend
from mambamed.segmentation.settings import SegmentationSettings

if TYPE_CHECKING:
    from mambamed.nn.precision import Precision
    from mambamed.segmentation.model import SegmentationModel
    from mambamed.segmentation.preparation import PreparedImage
    from mambamed.segmentation.sliding_window import WindowPlan

__all__ = ["make_record", "uses_scan"]


def uses_scan(network: nn.Module) -> bool:
    """Tell whether a network has Mamba layers."""
    return any(isinstance(module, Mamba) for module in network.modules())


def make_record(
    model: SegmentationModel,
    settings: SegmentationSettings,
    precision: Precision,
    plan: WindowPlan,
    prepared: PreparedImage,
    durations_s: dict[str, float],
    warnings: list[str],
) -> dict[str, Any]:
    """Collect versions, device, number formats, model with checksums, settings, durations and warnings.

    Args:
        model: Model that was used.
        settings: Settings that were used.
        precision: Number format of the convolutions and memory layout.
        plan: Windows as they finally ran.
        prepared: Preprocessed image, for its size.
        durations_s: Seconds per stage.
        warnings: What was told to the user.

    Returns:
        A dictionary that JSON can hold.
    """
    return {
        "versions": package_versions(),
        "device": str(model.device),
        "scan_backend": choose_backend(model.device, settings.scan_backend) if uses_scan(model.network) else None,
        "dtype": precision.name,
        "memory_layout": "channels-last" if precision.channels_last else "contiguous",
        "seed": settings.seed,
        "model": {
            "id": model.card.id,
            "folder": str(model.folder.path),
            "trainer": model.folder.trainer_name,
            "configuration": model.folder.configuration,
            "sha256": {fold.fold: sha256_of_file(fold.path) for fold in model.folder.folds},
        },
        "settings": settings.to_json(),
        "labels": [label.to_json() for label in model.label_table],
        "windows": {
            "patch_size": list(plan.patch_size),
            "step_size": plan.step_size,
            "mirror_axes": list(plan.mirror_axes or ()),
            "batch_size": plan.batch_size,
            "preprocessed_shape": list(prepared.data.shape),
        },
        "durations_s": dict(durations_s),
        "warnings": list(warnings),
    }
