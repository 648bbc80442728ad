"""From the settings of a training to its pairs."""

from __future__ import annotations

import importlib
from pathlib import Path

from mambamed.jobs.reporter import Reporter
from mambamed.registration.network_recipes import NETWORK_RECIPES
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.training.deformation import AffineRange
from mambamed.registration.networks.training.deformation import DeformationRange
from mambamed.registration.networks.training.image_folders import image_pairs
from mambamed.registration.networks.training.label_folder import read_label_maps
from mambamed.registration.networks.training.label_maps import SyntheticPairs
from mambamed.registration.networks.training.painting import paint_freely
from mambamed.registration.networks.training.pairs import PairSource
from mambamed.registration.networks.training.shapes import RandomShapes

__all__ = ["pair_source"]


def pair_source(settings: NetworkTrainingSettings, work: Path, reporter: Reporter) -> PairSource:
    """Return where the pairs of a training come from; what must be made first is kept in ``work``.

    Raises:
        BadRequestError: the data cannot be used.
    """
    if settings.recipe:
        recipe = importlib.import_module(NETWORK_RECIPES[settings.recipe].package)
        made: PairSource = recipe.make_pairs(settings, work, reporter)
        return made
    if settings.images or settings.fixed:
        return image_pairs(settings, work, reporter)
    extent_mm = min(settings.grid_shape) * settings.spacing_mm
    limits = DeformationRange(
        common=AffineRange(rotation_deg=12.0, scale=0.1, shear=0.05, shift_mm=0.06 * extent_mm),
        own=AffineRange(rotation_deg=4.0, scale=0.04, shear=0.02, shift_mm=0.02 * extent_mm),
        bends=((0.04 * extent_mm, 0.35 * extent_mm), (0.02 * extent_mm, 0.15 * extent_mm)),
    )
    maps = (
        RandomShapes(settings.grid_shape, settings.spacing_mm)
        if settings.shapes
        else read_label_maps(Path(settings.labels), settings.spacing_mm, settings.validation_pairs, reporter)
    )
    return SyntheticPairs(
        maps,
        paint_freely,
        limits,
        settings.grid_shape,
        settings.spacing_mm,
        settings.seed,
        settings.validation_pairs,
        settings.same_contrast_share,
    )
