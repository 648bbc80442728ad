"""Pairs of real images from folders, aligned by an affine registration and brought to the network's grid."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.imaging import read_image
from mambamed.imaging import reorient
from mambamed.jobs.reporter import Reporter
from mambamed.registration.disa.prepare import smooth_for_spacing
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.intensity import to_unit_range
from mambamed.registration.networks.training.label_folder import image_files
from mambamed.registration.networks.training.pairs import TrainingPair
from mambamed.registration.registration import register
from mambamed.training.seeds import derived_seed

__all__ = ["FolderPairs", "image_pairs"]

_HELD_OUT_SHARE = 0.2
_FEWEST = 2


@dataclass(frozen=True)
class _Volume:
    """An image on the network's grid, (1, X, Y, Z) from 0 to 1, and its labels (X, Y, Z) or None."""

    image: Tensor
    labels: Tensor | None


@dataclass(frozen=True)
class FolderPairs:
    """Pairs of prepared volumes.

    Attributes:
        volumes: all of them.
        training: (source, target) positions to learn from.
        validation: those that are never learned from.
        seed: of the order.
    """

    volumes: Sequence[_Volume]
    training: Sequence[tuple[int, int]]
    validation: Sequence[tuple[int, int]]
    seed: int

    def training_pair(self, number: int) -> TrainingPair:
        """See ``PairSource``."""
        rng = np.random.default_rng(derived_seed(self.seed, number))
        return self._pair(*self.training[int(rng.integers(len(self.training)))])

    def validation_pair(self, number: int) -> TrainingPair:
        """See ``PairSource``."""
        return self._pair(*self.validation[number])

    def validation_pairs(self) -> int:
        """See ``PairSource``."""
        return len(self.validation)

    def _pair(self, source: int, target: int) -> TrainingPair:
        first, second = self.volumes[source], self.volumes[target]
        return TrainingPair(first.image, second.image, first.labels, second.labels)


def image_pairs(settings: NetworkTrainingSettings, work: Path, reporter: Reporter) -> FolderPairs:
    """Read, align and resample the images of a training; alignments are kept in ``work`` for a resumed one.

    Images of different persons are all aligned with the first one; of fixed and moving images each moving image with
    its fixed one. A fifth of the persons (or pairs), at most ``validation_pairs`` pairs, is for validation.

    Raises:
        BadRequestError: images or labels are missing, or too few.
    """
    if settings.images:
        files, label_files = _files(settings.images, settings.labels)
        targets: dict[str, Path | None] = dict.fromkeys(files, next(iter(files.values())))
        _require(files, "images")
        volumes = _prepare(files, targets, label_files, "image", settings, work, reporter)
        kept = _held_out(len(volumes))
        training = list(itertools.permutations(range(len(volumes) - kept), 2))
        held_out = itertools.permutations(range(len(volumes) - kept, len(volumes)), 2)
        others = list(held_out) or [(0, len(volumes) - 1)]
        return FolderPairs(volumes, training or others, others[: settings.validation_pairs], settings.seed)
    fixed, fixed_labels = _files(settings.fixed, settings.labels)
    moving, moving_labels = _files(settings.moving, settings.moving_labels)
    if set(fixed) != set(moving):
        alone = ", ".join(sorted(set(fixed) ^ set(moving))[:5])
        raise BadRequestError(f"These images have no partner of the same file name: {alone}; fixed and moving must.")
    _require(fixed, "pairs")
    volumes = _prepare(fixed, dict(fixed), fixed_labels, "fixed", settings, work, reporter)
    volumes += _prepare(moving, dict(fixed), moving_labels, "moving", settings, work, reporter)
    count = len(fixed)
    pairs = [(count + number, number) for number in range(count)]
    kept = min(_held_out(count), settings.validation_pairs)
    return FolderPairs(volumes, pairs[: count - kept], pairs[count - kept :], settings.seed)


def _files(folder: str, labels: str) -> tuple[dict[str, Path], dict[str, Path]]:
    files = image_files(Path(folder))
    label_files = image_files(Path(labels)) if labels else {}
    missing = sorted(set(files) - set(label_files)) if labels else []
    if missing:
        raise BadRequestError(
            f"There are no label maps in {labels} for {', '.join(missing[:5])}; expected the same names."
        )
    return files, label_files


def _require(files: dict[str, Path], what: str) -> None:
    if len(files) < _FEWEST:
        raise BadRequestError(f"There are {len(files)} {what}; at least {_FEWEST} are needed to train.")


def _held_out(count: int) -> int:
    return max(1, round(_HELD_OUT_SHARE * count)) if count > _FEWEST else 1


def _prepare(
    files: dict[str, Path],
    targets: dict[str, Path | None],
    label_files: dict[str, Path],
    role: str,
    settings: NetworkTrainingSettings,
    work: Path,
    reporter: Reporter,
) -> list[_Volume]:
    volumes = []
    for number, (name, path) in enumerate(files.items(), start=1):
        reporter.check_cancelled()
        reporter.progress(f"{role} {number} of {len(files)}", 0.0)
        target = targets[name]
        reference = read_image(target if target is not None else path)
        transform: sitk.Transform = sitk.Transform(3, sitk.sitkIdentity)
        image = read_image(path)
        if settings.affine and target is not None and target != path:
            transform = _alignment(reference, image, work / "alignments" / f"{role}-{name}.tfm", settings, reporter)
        grid = _grid(reference, settings)
        smooth = smooth_for_spacing(reorient(sitk.Cast(image, sitk.sitkFloat32), "LPS"), settings.spacing_mm)
        values = torch.from_numpy(_resampled(smooth, grid, transform, sitk.sitkLinear).astype(np.float32))
        labels = None
        if name in label_files:
            label_map = sitk.Cast(read_image(label_files[name]), sitk.sitkInt32)
            labels = torch.from_numpy(_resampled(label_map, grid, transform, sitk.sitkNearestNeighbor).astype(np.int64))
        volumes.append(_Volume(to_unit_range(values)[None], labels))
    return volumes


def _alignment(
    fixed: sitk.Image, moving: sitk.Image, kept: Path, settings: NetworkTrainingSettings, reporter: Reporter
) -> sitk.Transform:
    """Return the affine transform fixed -> moving, found now or in an earlier attempt."""
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        found = register(fixed, moving, transform="affine", device=settings.device).transform
        unfinished = kept.with_name(f"part-{kept.name}")
        sitk.WriteTransform(found, str(unfinished))
        unfinished.replace(kept)
        reporter.log(f"Aligned {kept.stem}.")
    return sitk.ReadTransform(str(kept))


def _grid(reference: sitk.Image, settings: NetworkTrainingSettings) -> GridGeometry:
    """The network's grid with the patient's axes, its middle on the middle of the reference's bright part."""
    oriented = reorient(reference, "LPS")
    values = to_unit_range(torch.from_numpy(sitk.GetArrayFromImage(oriented).astype(np.float32))).numpy()
    weights = values / max(float(values.sum()), 1e-6)
    index = [
        float((weights.sum(axis=tuple(a for a in range(3) if a != axis)) * np.arange(size)).sum())
        for axis, size in enumerate(values.shape)
    ]
    middle = np.array(oriented.TransformContinuousIndexToPhysicalPoint(index[::-1]))
    half = (np.array(settings.grid_shape) - 1) / 2.0 * settings.spacing_mm
    x, y, z = (float(value) for value in middle - half)
    step = settings.spacing_mm
    return GridGeometry(settings.grid_shape, (step, step, step), (x, y, z), tuple(np.eye(3).ravel().tolist()))


def _resampled(
    image: sitk.Image, grid: GridGeometry, transform: sitk.Transform, interpolator: int
) -> NDArray[np.generic]:
    resampled = sitk.Resample(
        image, grid.size, transform, interpolator, grid.origin_mm, grid.spacing_mm, grid.direction
    )
    return np.ascontiguousarray(sitk.GetArrayFromImage(resampled).transpose(2, 1, 0))
