"""The way of an image through a model: prepare, run the windows of every fold, decide, return to the input's grid."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.errors import MambaMedError
from mambamed.imaging.geometry import image_from_array_like
from mambamed.imaging.orientation import reorient_like
from mambamed.jobs.reporter import Reporter
from mambamed.nn.device import choose_device
from mambamed.nn.precision import Precision
from mambamed.nn.precision import choose_precision
from mambamed.scan import choose_backend
from mambamed.segmentation.calibration import speed_key
from mambamed.segmentation.calibration import store_calibration
from mambamed.segmentation.estimate import count_windows
from mambamed.segmentation.estimate import network_name
from mambamed.segmentation.export import Decision
from mambamed.segmentation.export import ExportPlan
from mambamed.segmentation.export import decide
from mambamed.segmentation.inference_network import make_inference_network
from mambamed.segmentation.inside_body import keep_inside_body
from mambamed.segmentation.labels import choose_labels
from mambamed.segmentation.network_cost import network_operations
from mambamed.segmentation.networks.plan import NetworkPlan
from mambamed.segmentation.one_piece import keep_one_piece
from mambamed.segmentation.one_piece_per_label import make_one_piece_per_label
from mambamed.segmentation.preparation import PreparedImage
from mambamed.segmentation.preparation import prepare
from mambamed.segmentation.region import RegionPlan
from mambamed.segmentation.region import plan_region
from mambamed.segmentation.result import SegmentationResult
from mambamed.segmentation.run_record import make_record
from mambamed.segmentation.run_record import uses_scan
from mambamed.segmentation.settings import SegmentationSettings
from mambamed.segmentation.sliding_window import NotFiniteError
from mambamed.segmentation.sliding_window import WindowPlan
from mambamed.segmentation.sliding_window import predict_windows
from mambamed.segmentation.windows import mirror_combinations

if TYPE_CHECKING:
    from mambamed.segmentation.model import SegmentationModel

__all__ = ["predict"]

_PREPARED, _WINDOWS_DONE = 0.05, 0.93
_TYPICAL_OPERATIONS = 1e10
"""A window of fewer operations says nothing of other networks: there the time goes into calls, not into arithmetic."""
_WINDOW_VOXELS_AT_A_TIME = 4 * 1024 * 1024
"""Windows are batched on graphics cards up to about this many voxels; larger batches gain nothing."""


class _Stopwatch:
    """Durations of the stages, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to a stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


@torch.inference_mode()
def predict(
    model: SegmentationModel,
    images: sitk.Image | Sequence[sitk.Image],
    settings: SegmentationSettings,
    reporter: Reporter,
) -> SegmentationResult:
    """Segment an image with a loaded model.

    Args:
        model: The model; its device is used whatever the settings name.
        images: One image, or one per channel.
        settings: Everything else that can be chosen.
        reporter: Hears progress and warnings, asked between windows whether to stop.

    Returns:
        Results on the grid of the first image, with the record of the run.
    """
    watch = _Stopwatch()
    told: list[str] = []

    def warn(message: str) -> None:
        told.append(message)
        reporter.warning(message)

    keep = choose_labels(model.label_table, settings.labels)
    if uses_scan(model.network):
        choose_backend(model.device, settings.scan_backend)  # an unusable one is refused before the work
    reporter.progress("preparing", 0.0)
    reporter.check_cancelled()
    orientation = model.orientation if settings.orientation == "model" else None
    prepared = prepare(images, model.plans_manager, model.configuration, model.folder.dataset, orientation)
    for note in prepared.notes:
        warn(note)
    region = plan_region(prepared, model.plans_manager, settings.region_of_interest_lps_mm)
    watch.lap("prepare")

    precision = choose_precision(settings.precision, model.device, len(model.configuration.patch_size))
    reporter.log(f"Running on {model.device} with {precision.describe()}.")
    watch.lap("measure speed")
    reporter.progress("segmenting", _PREPARED)
    relay = _Relay(reporter, warn)
    logits, plan, precision = _predict_folds(model, prepared.data, region.network_box, settings, precision, relay)
    watch.lap("segment")
    _remember_speed(model, prepared, region, plan, watch.seconds["segment"])

    reporter.progress("finishing", _WINDOWS_DONE)
    _keep_inside_body(logits, model, prepared, region, reporter)
    _keep_one_piece(logits, model, prepared, region, reporter)
    export_plan = _export_plan(prepared, region, settings, model, keep)
    decision = decide(logits, export_plan, model.configuration, model.label_manager, reporter)
    del logits
    result_images = _on_input_grid(decision, prepared, model)
    watch.lap("finish")
    record = make_record(model, settings, precision, plan, prepared, watch.seconds, told)
    reporter.progress("done", 1.0)
    labelmap, probabilities, uncertainty = result_images
    return SegmentationResult(labelmap, keep, probabilities, uncertainty, record)


class _Relay:
    """The reporter, with warnings also kept for the record."""

    def __init__(self, reporter: Reporter, warn: Callable[[str], None]) -> None:
        self._reporter = reporter
        self.warning = warn
        self.progress = reporter.progress
        self.log = reporter.log
        self.metric = reporter.metric
        self.check_cancelled = reporter.check_cancelled


def _predict_folds(
    model: SegmentationModel,
    data: Tensor,
    box: tuple[slice, ...],
    settings: SegmentationSettings,
    precision: Precision,
    reporter: _Relay,
) -> tuple[Tensor, WindowPlan, Precision]:
    """Sum the logits of all folds and divide, in nnunetv2's order; in float32 if a narrower format overflows."""
    plan = _window_plan(model, settings)
    total: Tensor | None = None
    folds = model.folder.folds
    dimension = len(model.configuration.patch_size)
    number = 0
    while number < len(folds):
        network = make_inference_network(
            model.network,
            folds[number].state if len(folds) > 1 else None,
            model.device,
            precision,
            dimension,
            settings.scan_backend,
        )

        def on_progress(fraction: float, done: int = number) -> None:
            share = (done + fraction) / len(folds)
            reporter.progress("segmenting", _PREPARED + share * (_WINDOWS_DONE - _PREPARED))

        try:
            logits, plan = predict_windows(
                network, data, box, model.label_manager.num_segmentation_heads, plan, reporter, on_progress
            )
        except NotFiniteError:
            if precision.dtype == torch.float32:
                raise
            reporter.warning(
                f"The network overflowed in {precision.name}; the work starts again in float32, which takes longer."
            )
            precision = choose_precision("float32", model.device, dimension)
            total, number = None, 0
            continue
        if len(folds) > 1:
            # Sums of several folds wait in main memory, so that the device has room for the next fold.
            logits = logits.cpu()
        total = logits if total is None else total.add_(logits)
        number += 1
    assert total is not None
    if len(folds) > 1:
        total /= len(folds)
    return total, plan, precision


def _keep_inside_body(
    logits: Tensor, model: SegmentationModel, prepared: PreparedImage, region: RegionPlan, reporter: Reporter
) -> None:
    """Remove labels around the body, then make each label one piece, where the model's card says so.

    Not within a region of interest, which does not show the whole.
    """
    card = model.card
    if model.label_manager.has_regions or region.network_box != _whole(prepared):
        return
    spacing_mm = tuple(model.configuration.spacing)
    if card.inside_body_above_hu is not None:
        # The network's image was normalised as CT: clipped, minus the mean, divided by the standard deviation.
        normal = model.plans_manager.foreground_intensity_properties_per_channel["0"]
        tissue_above = (card.inside_body_above_hu - normal["mean"]) / max(normal["std"], 1e-8)
        removed_ml = keep_inside_body(logits, prepared.data[0].numpy(), tissue_above, spacing_mm)
        if removed_ml > 0:
            reporter.log(f"{removed_ml:.1f} ml outside the body were removed.")
    if card.one_piece_per_label:
        voxels = make_one_piece_per_label(logits, spacing_mm)
        if voxels:
            reporter.log(f"{voxels} voxels of small pieces went to the nearest label.")


def _keep_one_piece(
    logits: Tensor, model: SegmentationModel, prepared: PreparedImage, region: RegionPlan, reporter: Reporter
) -> None:
    """Remove labels apart from the largest piece where the model's card says so; not within a region of interest."""
    opening_mm = model.card.keep_one_piece_opening_mm
    if opening_mm is None or model.label_manager.has_regions or len(model.configuration.patch_size) != 3:
        return
    if region.network_box != _whole(prepared):
        reporter.log("Separate pieces are not removed: a region of interest does not show which one is the largest.")
        return
    removed_ml = keep_one_piece(logits, model.configuration.spacing, opening_mm)
    if removed_ml > 0:
        reporter.log(f"{removed_ml:.1f} ml apart from the largest piece were removed.")


def _whole(prepared: PreparedImage) -> tuple[slice, ...]:
    return tuple(slice(0, length) for length in prepared.data.shape[1:])


def _remember_speed(
    model: SegmentationModel, prepared: PreparedImage, region: RegionPlan, plan: WindowPlan, seconds: float
) -> None:
    """Keep how fast this network really ran here, for the estimate before the next run."""
    if region.network_box != _whole(prepared) or seconds < 1.0:
        return
    calls = count_windows(prepared.data.shape[1:], plan.patch_size, plan.step_size)
    calls *= len(mirror_combinations(plan.mirror_axes)) * len(model.folder.folds)
    network_plan = NetworkPlan.from_configuration(model.configuration)
    trainer = model.folder.trainer_name
    classes = model.label_manager.num_segmentation_heads
    operations = network_operations(network_plan, classes, prepared.data.shape[0], "UMamba" in trainer)
    speed = calls * operations / seconds
    device = str(model.device)
    measured = {"auto": str(choose_device("auto")), speed_key(device, network_name(trainer, network_plan)): speed}
    if operations >= _TYPICAL_OPERATIONS:
        measured[speed_key(device)] = speed
    store_calibration(measured)


def _window_plan(model: SegmentationModel, settings: SegmentationSettings) -> WindowPlan:
    patch = tuple(int(length) for length in model.configuration.patch_size)
    axes = model.folder.folds[0].mirroring_axes if settings.mirroring else None
    if settings.mirroring and axes is None:
        # Checkpoints of early nnU-Net v2 do not say; all axes were mirrored in training then.
        axes = tuple(range(len(patch)))
    batch = 1
    if model.device.type == "cuda":
        batch = max(1, min(16, _WINDOW_VOXELS_AT_A_TIME // int(np.prod(patch))))
    strides = np.prod(np.asarray(model.configuration.pool_op_kernel_sizes, dtype=int), axis=0)
    return WindowPlan(
        patch_size=patch,
        step_size=float(settings.step_size),
        mirror_axes=axes,
        batch_size=batch,
        results_device=model.device if model.device.type == "cuda" else torch.device("cpu"),
        results_dtype=torch.float16,
        size_divisor=tuple(int(stride) for stride in strides),
        fixed_patch=any(
            getattr(module, "channel_token", False) or getattr(module, "fixed_patch", False)
            for module in model.network.modules()
        ),
    )


def _export_plan(
    prepared: PreparedImage,
    region: RegionPlan,
    settings: SegmentationSettings,
    model: SegmentationModel,
    keep: tuple[Any, ...],
) -> ExportPlan:
    forward = model.plans_manager.transpose_forward
    spacing = prepared.properties["spacing"]
    return ExportPlan(
        shape=tuple(int(length) for length in prepared.properties["shape_after_cropping_and_before_resampling"]),
        spacing=tuple(float(spacing[axis]) for axis in forward),
        network_shape=tuple(prepared.data.shape[1:]),
        network_spacing=prepared.target_spacing,
        network_box=region.network_box,
        box=region.result_box,
        keep=keep,
        probabilities=settings.probabilities,
        uncertainty=settings.uncertainty,
    )


def _on_input_grid(
    decision: Decision, prepared: PreparedImage, model: SegmentationModel
) -> tuple[sitk.Image, dict[str, sitk.Image] | None, sitk.Image | None]:
    """Undo cropping, transposing and turning; outside the crop is background, and certain."""

    def place(array: np.ndarray) -> sitk.Image:
        whole = np.zeros(prepared.properties["shape_before_cropping"], dtype=array.dtype)
        whole[tuple(slice(start, stop) for start, stop in prepared.properties["bbox_used_for_cropping"])] = array
        whole = np.ascontiguousarray(whole.transpose(model.plans_manager.transpose_backward))
        if prepared.working.GetDimension() == 2:
            return image_from_array_like(whole[0], prepared.reference)
        image = image_from_array_like(whole, prepared.working)
        return image if prepared.working is prepared.reference else reorient_like(image, prepared.reference)

    labelmap = place(decision.labels)
    if labelmap.GetSize() != prepared.reference.GetSize():
        raise MambaMedError(
            f"The result has {labelmap.GetSize()} voxels, the input "
            f"{prepared.reference.GetSize()}; nothing was written."
        )
    probabilities = decision.probabilities
    return (
        labelmap,
        None if probabilities is None else {name: place(array) for name, array in probabilities.items()},
        None if decision.uncertainty is None else place(decision.uncertainty),
    )
