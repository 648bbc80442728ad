"""From input images to the network's tensor: channels, orientation, and nnunetv2's own preprocessing."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from nnunetv2.preprocessing.cropping.cropping import create_nonzero_mask
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.imaging.checks import check_image
from mambamed.imaging.orientation import orientation_code
from mambamed.imaging.orientation import reorient
from mambamed.imaging.resampling import resample_like
from mambamed.segmentation.resampling import resample_intensities

__all__ = ["PreparedImage", "gather_channels", "prepare"]

_PICTURE_READER = "NaturalImage2DIO"
_LUMA = (0.299, 0.587, 0.114)
_LARGEST_PREPROCESSED_VOXELS = 2**32
"""More voxels than this after resampling mean a wrong spacing in the header, not a scan."""


@dataclass(frozen=True)
class PreparedImage:
    """What the windows run over, and what is needed to go back.

    Attributes:
        data: (channels, z, y, x) float32 in the network's axes and spacing.
        properties: nnunetv2's record of cropping and resampling.
        reference: First input as it came; results return to its grid.
        working: The same turned to the model's orientation (or as it came); array order of ``data`` before transposing.
        target_spacing: Spacing of ``data`` in its array order, mm.
        notes: What was done that changes how the result must be read.
    """

    data: Tensor = field(repr=False)
    properties: dict[str, Any] = field(repr=False)
    reference: sitk.Image = field(repr=False)
    working: sitk.Image = field(repr=False)
    target_spacing: tuple[float, ...]
    notes: tuple[str, ...]


def gather_channels(
    images: sitk.Image | Sequence[sitk.Image], channel_names: Sequence[str], dimension: int
) -> tuple[list[sitk.Image], list[str]]:
    """Check the inputs and bring every channel onto the grid of the first.

    Args:
        images: One image, or one per channel in the model's order; colour pictures give one channel per component,
            or their brightness if the model has one channel.
        channel_names: Names of the model's channels.
        dimension: Dimension of the network, 2 or 3.

    Returns:
        One scalar image per channel, all on one grid; notes about what was changed.

    Raises:
        BadRequestError: Wrong number of channels, wrong dimension, or an image that fails a check.
    """
    given = [images] if isinstance(images, sitk.Image) else list(images)
    expected = len(channel_names)
    notes = []
    scalars: list[tuple[str, sitk.Image]] = []
    for number, image in enumerate(given):
        name = f"input {number + 1}" if len(given) > 1 else "the input"
        check_image(image, name)
        components = image.GetNumberOfComponentsPerPixel()
        if components == 1:
            scalars.append((name, image))
            continue
        if components == 4 and expected == 3 and len(given) == 1:
            notes.append("The fourth component (transparency) of the picture was left out.")
            components = 3
        if expected == 1 and len(given) == 1 and image.GetDimension() == 2 and components in (3, 4):
            notes.append("The model reads one channel: the brightness of the colour picture was taken.")
            scalars.append((name, _brightness(image)))
            continue
        for component in range(components):
            scalars.append((f"component {component + 1} of {name}", sitk.VectorIndexSelectionCast(image, component)))
    if len(scalars) != expected:
        raise BadRequestError(
            f"{len(scalars)} channel{'s were' if len(scalars) != 1 else ' was'} given, the model expects {expected} "
            f"({', '.join(channel_names)}); choose one volume for each, in this order."
        )
    first = scalars[0][1]
    if first.GetDimension() == 2 and dimension == 3:
        raise BadRequestError("A 2D image was given, the model expects a 3D volume; choose a volume or a 2D model.")
    channels = [first]
    for (name, image), channel_name in zip(scalars[1:], channel_names[1:], strict=True):
        moved = resample_like(image, first, name=f"{name} ({channel_name})")
        if moved is not image:
            notes.append(f"{name} ({channel_name}) was resampled to the grid of the first channel.")
        channels.append(moved)
    return channels, notes


def _brightness(picture: sitk.Image) -> sitk.Image:
    """Return the luma of a colour picture after ITU-R BT.601."""
    parts = [
        sitk.Cast(sitk.VectorIndexSelectionCast(picture, component), sitk.sitkFloat32) * weight
        for component, weight in enumerate(_LUMA)
    ]
    return parts[0] + parts[1] + parts[2]


class _PredictionPreprocessor(DefaultPreprocessor):
    """nnunetv2's default preprocessing without the work that only training needs.

    The steps, their order and their formulas are nnunetv2's: transpose, crop to the nonzero region, normalise,
    resample. Left out are the resampled mask of the nonzero region (never read in prediction) and, where no channel's
    normalisation asks for it, the filling of the mask's holes (which does not change the cropping).
    """

    def run_case_npy(  # type: ignore[no-untyped-def]
        self, data, seg, properties, plans_manager, configuration_manager, dataset_json
    ):
        """Preprocess (channels, z, y, x); returns data, None and the properties, as nnunetv2 does for test cases."""
        forward = plans_manager.transpose_forward
        data = data.transpose([0, *[axis + 1 for axis in forward]])
        spacing = [properties["spacing"][axis] for axis in forward]
        properties["shape_before_cropping"] = data.shape[1:]
        needs_mask = any(bool(use) for use in configuration_manager.use_mask_for_norm)
        mask = create_nonzero_mask(data) if needs_mask else np.any(data != 0, axis=0)
        box = _bounding_box(mask)
        inside = tuple(slice(start, stop) for start, stop in box)
        properties["bbox_used_for_cropping"] = box
        index = (slice(None), *inside)
        data = np.array(data[index], dtype=np.float32, order="C")
        outside_is_negative = np.where(mask[inside][None], np.int8(0), np.int8(-1))
        properties["shape_after_cropping_and_before_resampling"] = data.shape[1:]
        target = list(configuration_manager.spacing)
        if len(target) < data.ndim - 1:
            target = [spacing[0], *target]
        shape = compute_new_shape(data.shape[1:], spacing, target)
        _refuse_absurd_size(shape, spacing, target)
        data = self._normalize(
            data,
            outside_is_negative,
            configuration_manager,
            plans_manager.foreground_intensity_properties_per_channel,
        )
        data = resample_intensities(configuration_manager.resampling_fn_data, data, shape, spacing, target)
        return data, None, properties


def _bounding_box(mask: np.ndarray) -> list[list[int]]:
    box = []
    for axis in range(mask.ndim):
        hits = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append([int(hits[0]), int(hits[-1]) + 1])
    return box


def _refuse_absurd_size(shape: np.ndarray, spacing: Sequence[float], target: Sequence[float]) -> None:
    if int(np.prod(shape.astype(np.int64))) > _LARGEST_PREPROCESSED_VOXELS or int(np.min(shape)) < 1:
        shown = " x ".join(str(int(length)) for length in shape)
        raise BadRequestError(
            f"At the model's spacing of {_millimetres(target)} mm this volume would have {shown} voxels: "
            f"its spacing of {_millimetres(spacing)} mm is probably wrong; correct the spacing in the file's header."
        )


def _millimetres(spacing: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" for value in spacing)


def prepare(
    images: sitk.Image | Sequence[sitk.Image],
    plans_manager: PlansManager,
    configuration: ConfigurationManager,
    dataset: dict[str, Any],
    orientation: str | None = None,
) -> PreparedImage:
    """Turn the input into what the network reads.

    Args:
        images: One image, or one per channel.
        plans_manager: Plans of the model.
        configuration: Configuration of the model.
        dataset: Content of ``dataset.json``.
        orientation: Code such as ``RAS`` to turn 3D volumes to; None leaves the axes as they come.

    Returns:
        Tensor, geometry, notes.
    """
    names = list((dataset.get("channel_names") or dataset.get("modality") or {"0": "image"}).values())
    dimension = len(configuration.patch_size)
    channels, notes = gather_channels(images, [str(name) for name in names], dimension)
    reference = channels[0]
    if orientation and reference.GetDimension() == 3 and orientation_code(reference) != orientation:
        channels = [reorient(channel, orientation) for channel in channels]
    working = channels[0]
    arrays = [sitk.GetArrayViewFromImage(channel) for channel in channels]
    data = np.stack([array if array.ndim == 3 else array[None] for array in arrays]).astype(np.float32, copy=False)
    spacing = [float(value) for value in working.GetSpacing()][::-1]
    if working.GetDimension() == 2:
        picture = plans_manager.plans.get("image_reader_writer") == _PICTURE_READER
        # nnunetv2's readers give a picture a thick third axis, so that it is never resampled across.
        spacing = [999.0, 1.0, 1.0] if picture else [999.0 * max(spacing), *spacing]
    properties: dict[str, Any] = {"spacing": spacing}
    preprocessor_class = configuration.preprocessor_class
    if preprocessor_class is DefaultPreprocessor:
        preprocessor_class = _PredictionPreprocessor
    with contextlib.redirect_stdout(io.StringIO()):
        prepared, _, properties = preprocessor_class(verbose=False).run_case_npy(
            data, None, properties, plans_manager, configuration, dataset
        )
    if not np.all(np.isfinite([prepared.min(), prepared.max()])):
        raise BadRequestError("Normalising the volume gave values that are not finite; check its intensities.")
    forward = plans_manager.transpose_forward
    target = list(configuration.spacing)
    if len(target) < 3:
        target = [spacing[forward[0]], *target]
    return PreparedImage(
        torch.from_numpy(np.ascontiguousarray(prepared, dtype=np.float32)),
        properties,
        reference,
        working,
        tuple(float(value) for value in target),
        tuple(notes),
    )
