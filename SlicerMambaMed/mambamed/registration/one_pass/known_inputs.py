"""Warnings about pairs that are unlike what a network knows, each with the reason."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from torch import Tensor

from mambamed.jobs.reporter import Reporter
from mambamed.registration.field_of_view import overlap_percent
from mambamed.registration.field_of_view import tissue_mask
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.networks.model import RegistrationModel
from mambamed.registration.pair import ImagePair

__all__ = ["warn_of_intensities", "warn_of_place", "warn_of_prediction"]

_LEAST_OVERLAP_PERCENT = 50.0
_LEAST_FILLED_PERCENT = 4.0
_MOST_OUTSIDE_PERCENT = 5.0
_COARSEST_FACTOR = 2.5
_FEWEST_VALUES = 24
_AIR_HU = -300.0
_LEAST_DEVIATION = 0.03
_MOST_FOLDED_PERCENT = 1.0


def warn_of_place(
    pair: ImagePair, linear: sitk.Transform, grid: GridGeometry, model: RegistrationModel, reporter: Reporter
) -> None:
    """Warn of volumes that hardly overlap, do not fit the network's grid, fill little of it, or are much coarser."""
    name = model.card.id
    covered = overlap_percent(pair.fixed, pair.moving, linear, pair.fixed_mask, pair.moving_mask)
    if covered < _LEAST_OVERLAP_PERCENT:
        reporter.warning(
            f"The linearly aligned moving volume covers only {covered:.0f} % of the fixed one: where it does not, the "
            f"network {name} has nothing to compare. Check the alignment, or register from a better start."
        )
    tissue = pair.fixed_mask if pair.fixed_mask is not None else tissue_mask(pair.fixed)
    # The face and the neck of a head lie outside of a grid that holds the brain.
    is_head = model.description.middle_below_top_mm is not None and pair.fixed_mask is None
    if tissue is not None:
        outside, filled = _placed_percent(tissue, grid)
        extent = " x ".join(f"{count * step:.0f}" for count, step in zip(grid.size, grid.spacing_mm, strict=True))
        if outside > _MOST_OUTSIDE_PERCENT and not is_head:
            reporter.warning(
                f"{outside:.0f} % of what the fixed volume shows lies outside of the {extent} mm that the network "
                f"{name} sees; there the deformation at the border is continued. Give a mask of what matters."
            )
        if filled < _LEAST_FILLED_PERCENT:
            reporter.warning(
                f"The fixed volume shows anatomy in {filled:.1f} % of the {extent} mm that the network {name} sees: it "
                "was trained on larger anatomy and cannot be relied on here."
            )
    for role, image in (("fixed", pair.fixed), ("moving", pair.moving)):
        coarsest = max(image.GetSpacing())
        if coarsest > _COARSEST_FACTOR * model.description.spacing_mm:
            reporter.warning(
                f"The {role} volume has slices or voxels of {coarsest:.1f} mm, the network {name} was trained at "
                f"{model.description.spacing_mm:g} mm: details along that axis are interpolated, not seen."
            )


def warn_of_intensities(
    pair: ImagePair,
    normalised: tuple[Tensor, Tensor],
    inside: tuple[Tensor, Tensor],
    model: RegistrationModel,
    reporter: Reporter,
) -> None:
    """Warn of contrasts that the network was not trained on: label maps, HU for a network of MR, hardly any contrast.

    Args:
        pair: checked images.
        normalised: fixed and moving volume as the network sees them.
        inside: where they count.
        model: the network with its card.
        reporter: hears the warnings.
    """
    name = model.card.id
    images = (("fixed", pair.fixed), ("moving", pair.moving))
    for (role, image), values, counted in zip(images, normalised, inside, strict=True):
        array = sitk.GetArrayViewFromImage(image)
        if float(array.min()) < _AIR_HU and not model.card.derived and "CT" not in model.card.modality:
            reporter.warning(
                f"The {role} volume has values down to {float(array.min()):.0f}, like a CT in HU; the network {name} "
                f"knows {model.card.modality}. Check the result, or choose a similarity."
            )
        if len(np.unique(array[:: max(1, array.shape[0] // 40)])) <= _FEWEST_VALUES:
            reporter.warning(
                f"The {role} volume has so few different values that it looks like a label map; the network {name} "
                "knows images."
            )
        chosen = values[counted > 0]
        if chosen.numel() > 1 and float(chosen.std()) < _LEAST_DEVIATION:
            reporter.warning(
                f"The {role} volume shows hardly any contrast once its intensities are scaled for the network {name}: "
                "a few very bright or dark voxels outweigh the rest. Clip them, or give a mask."
            )


def warn_of_prediction(folded_percent: float, model: RegistrationModel, reporter: Reporter) -> None:
    """Warn of a predicted field that folds."""
    if folded_percent > _MOST_FOLDED_PERCENT:
        reporter.warning(
            f"The field that the network {model.card.id} predicted folds in {folded_percent:.1f} % of its voxels: the "
            "volumes are probably unlike those that it was trained on. Do not use it without a look."
        )


def _placed_percent(tissue: sitk.Image, grid: GridGeometry) -> tuple[float, float]:
    """Percentage of the tissue outside of the grid, and of the grid that tissue fills."""
    indices = np.argwhere(sitk.GetArrayViewFromImage(tissue) > 0)[:, ::-1]
    to_physical = GridGeometry.of_image(tissue).index_to_physical()
    to_grid = grid.physical_to_index()
    places = (indices @ to_physical[:3, :3].T + to_physical[:3, 3]) @ to_grid[:3, :3].T + to_grid[:3, 3]
    inside = ((places >= -0.5) & (places <= np.array(grid.size) - 0.5)).all(axis=1)
    volume = float(np.prod(tissue.GetSpacing()) * inside.sum())
    whole = float(np.prod(grid.size) * np.prod(grid.spacing_mm))
    return 100.0 * float((~inside).mean()), 100.0 * volume / whole
