"""Slide a window over the lungs, slice by slice, and tell the pattern around each place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from mambamed.emphysema.patterns.classify import mean_probabilities
from mambamed.emphysema.patterns.codes import PATCH_SIZE
from mambamed.emphysema.patterns.codes import PATTERN_CODES
from mambamed.emphysema.patterns.codes import PATTERN_NAMES
from mambamed.emphysema.patterns.codes import PATTERN_SPACING_MM
from mambamed.emphysema.patterns.model import PATTERN_MODEL_ID
from mambamed.emphysema.patterns.model import load_pattern_model
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["PatternMap", "classify_patterns_map"]

_STRIDE_MM = 6.0
_BATCH = 256
_COARSEST_PIXEL_MM = 1.0
_THICKEST_SLICE_MM = 2.0
_OUTSIDE_HU = -1024.0


@dataclass(frozen=True)
class PatternMap:
    """Patterns over the lungs.

    Attributes:
        labels: uint8 (z, y, x) on the CT's grid: 0 outside the lungs, 1 to 6 in the order of ``codes``.
        codes: ``PATTERN_CODES``.
        names: Code to words.
        warnings: Kind and sentence of what changes the reading.
        model: ``id``, ``version``, ``sha256``, ``demonstration``.
        windows: How many windows were classified.
    """

    labels: np.ndarray
    codes: tuple[str, ...]
    names: dict[str, str]
    warnings: tuple[tuple[str, str], ...]
    model: dict[str, Any]
    windows: int

    def percent(self, region: np.ndarray) -> dict[str, float]:
        """Return the percentage of each code in a region, bool (z, y, x); of the lung voxels in it (all 0 if none)."""
        counts = np.bincount(self.labels[region], minlength=len(self.codes) + 1)[1:]
        total = max(1, int(counts.sum()))
        return {code: 100.0 * float(count) / total for code, count in zip(self.codes, counts, strict=True)}


def classify_patterns_map(
    ct_hu: np.ndarray,
    lungs: np.ndarray,
    spacing_mm: tuple[float, float, float],
    *,
    model: str = PATTERN_MODEL_ID,
    device: str = "auto",
    stride_mm: float = _STRIDE_MM,
    reporter: Reporter | None = None,
) -> PatternMap:
    """Classify windows of 31 x 31 pixels of 0.6 mm over the lungs; each lung voxel gets the nearest window's pattern.

    Slices closer than the stride are skipped and take the answer of the nearest classified slice.

    Args:
        ct_hu: (z, y, x) HU.
        lungs: (z, y, x) bool, airways removed.
        spacing_mm: (z, y, x).
        model: Identifier or folder of a pattern model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        stride_mm: Distance of the windows.
        reporter: Hears progress and may cancel.

    Raises:
        BadRequestError: No lungs, or no such model.
    """
    reporter = reporter or NullReporter()
    if not lungs.any():
        raise BadRequestError("No lungs were found to look for patterns in; expected a chest CT with lungs.")
    loaded = load_pattern_model(model, device)
    labels = np.zeros(ct_hu.shape, dtype=np.uint8)
    slices = np.flatnonzero(lungs.any(axis=(1, 2)))
    every = max(1, round(stride_mm / spacing_mm[0]))
    chosen = slices[every // 2 :: every] if len(slices) > every // 2 else slices[:1]
    windows = 0
    for number, index in enumerate(chosen):
        reporter.check_cancelled()
        reporter.progress("classifying patterns", number / len(chosen))
        rows, columns = _places(lungs[index], spacing_mm[1:], stride_mm)
        plane = torch.from_numpy(ct_hu[index].astype(np.float32)).to(loaded.device)
        found = [
            mean_probabilities(loaded.networks, patches, turns=False).argmax(dim=1).cpu().numpy()
            for patches in _patches(plane, rows, columns, spacing_mm[1:])
        ]
        windows += len(rows)
        codes = np.zeros(lungs.shape[1:], dtype=np.uint8)
        codes[rows, columns] = np.concatenate(found) + 1
        nearest = ndimage.distance_transform_edt(
            codes == 0, sampling=spacing_mm[1:], return_distances=False, return_indices=True
        )
        first = int(chosen[number - 1] + index) // 2 + 1 if number else 0
        last = int(index + chosen[number + 1]) // 2 if number + 1 < len(chosen) else len(labels) - 1
        labels[first : last + 1] = codes[tuple(nearest)]
    labels[~lungs] = 0
    reporter.progress("patterns classified", 1.0)
    card = loaded.card
    return PatternMap(
        labels=labels,
        codes=PATTERN_CODES,
        names=dict(PATTERN_NAMES),
        warnings=_warnings(spacing_mm),
        model={
            "id": card.id,
            "version": card.version,
            "sha256": card.sha256(),
            "demonstration": card.demonstration_only,
        },
        windows=windows,
    )


def _places(lung: np.ndarray, spacing_mm: tuple[float, ...], stride_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of windows' middles: a grid of the stride inside the lung, or its middle-most pixel."""
    steps = [max(1, round(stride_mm / spacing)) for spacing in spacing_mm]
    grid = np.zeros_like(lung)
    grid[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]] = True
    rows, columns = np.nonzero(grid & lung)
    if len(rows) == 0:
        inside = np.argwhere(lung)
        rows, columns = inside[len(inside) // 2][:, None]
    return rows, columns


def _patches(
    plane_hu: torch.Tensor, rows: np.ndarray, columns: np.ndarray, spacing_mm: tuple[float, ...]
) -> Iterator[torch.Tensor]:
    """Yield batches (N, 31, 31) around places of a slice, resampled to the patches' pixels, linearly."""
    height, width = plane_hu.shape
    offset = (torch.arange(PATCH_SIZE, dtype=torch.float32) - (PATCH_SIZE - 1) / 2.0) * PATTERN_SPACING_MM
    for start in range(0, len(rows), _BATCH):
        centre_y = torch.from_numpy(rows[start : start + _BATCH].astype(np.float32))
        centre_x = torch.from_numpy(columns[start : start + _BATCH].astype(np.float32))
        y = (centre_y[:, None] + offset / spacing_mm[0]) * 2.0 / max(1, height - 1) - 1.0
        x = (centre_x[:, None] + offset / spacing_mm[1]) * 2.0 / max(1, width - 1) - 1.0
        where = torch.stack(
            [x[:, None, :].expand(-1, PATCH_SIZE, -1), y[:, :, None].expand(-1, -1, PATCH_SIZE)], dim=-1
        ).to(plane_hu.device)
        shifted = (plane_hu - _OUTSIDE_HU)[None, None].expand(len(where), -1, -1, -1)
        sampled = functional.grid_sample(shifted, where, mode="bilinear", padding_mode="zeros", align_corners=True)
        yield sampled[:, 0] + _OUTSIDE_HU


def _warnings(spacing_mm: tuple[float, float, float]) -> tuple[tuple[str, str], ...]:
    """Return what of the scan lies outside what the patches were."""
    found = []
    if max(spacing_mm[1:]) > _COARSEST_PIXEL_MM:
        found.append(
            (
                "patterns",
                f"The pixels are {max(spacing_mm[1:]):.2f} mm wide; the pattern model knows {PATTERN_SPACING_MM} mm. "
                "Its patterns are not reliable here.",
            )
        )
    if spacing_mm[0] > _THICKEST_SLICE_MM:
        found.append(
            (
                "patterns",
                f"The slices are {spacing_mm[0]:.1f} mm apart; the pattern model knows thin slices. "
                "Its patterns are not reliable here.",
            )
        )
    return tuple(found)
