"""Synthetic heads as label maps: the ICBM152 template bent, without differences that an affine registration removes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mambamed.jobs.reporter import Reporter
from mambamed.recipes.brain_registration.structures import StructureAtlas
from mambamed.recipes.brain_registration.structures import make_atlas
from mambamed.registration.networks.training.label_maps import LabelMap
from mambamed.segmentation.brain_recipe.anatomy import AnatomyDraw
from mambamed.segmentation.brain_recipe.anatomy import build_anatomy_and_places
from mambamed.segmentation.brain_recipe.anatomy import draw_anatomy
from mambamed.segmentation.brain_recipe.template import Template
from mambamed.segmentation.brain_recipe.template import load_template

__all__ = ["HEAD_SHAPE", "SPACING_MM", "draw_head", "make_head", "make_heads"]

SPACING_MM = 2.0
HEAD_SHAPE = (97, 109, 89)
"""Voxels (z, y, x), the brain in the middle; multiples of ``_PLACES_STEP`` and one more."""

_BRAIN_TO_MIDDLE_MM = (-14.0, -4.0, 0.0)
_PLACES_STEP = 4


def draw_head(seed: int, number: int) -> AnatomyDraw:
    """Draw head ``number``: bends, ventricles and surroundings vary; pose and size only by what an alignment leaves."""
    rng = np.random.default_rng([seed, number])
    draw = draw_anatomy(rng)
    rotation = rng.uniform(-2.5, 2.5, 3)
    scale = rng.uniform(0.97, 1.03, 3)
    shear = rng.uniform(-0.02, 0.02, 3)
    return replace(
        draw,
        rotation_deg=(float(rotation[0]), float(rotation[1]), float(rotation[2])),
        scale=(float(scale[0]), float(scale[1]), float(scale[2])),
        shear=(float(shear[0]), float(shear[1]), float(shear[2])),
        shift_mm=_BRAIN_TO_MIDDLE_MM,
        mirrored=False,
    )


def make_head(template: Template, atlas: StructureAtlas, draw: AnatomyDraw) -> LabelMap:
    """Return one head as a label map, axes (x, y, z): painted classes, scored structures, places in the template."""
    anatomy, places = build_anatomy_and_places(template, draw, HEAD_SHAPE, SPACING_MM)
    structures = atlas.structures(anatomy, places)
    coarse = places[::_PLACES_STEP, ::_PLACES_STEP, ::_PLACES_STEP].transpose(3, 2, 1, 0)
    return LabelMap(
        painted=np.ascontiguousarray(anatomy.transpose(2, 1, 0)),
        scored=np.ascontiguousarray(structures.transpose(2, 1, 0)),
        spacing_mm=SPACING_MM,
        places=np.ascontiguousarray(coarse).astype(np.float16),
    )


def make_heads(count: int, seed: int, folder: Path, reporter: Reporter) -> Sequence[LabelMap]:
    """Make ``count`` heads, or read those that a former attempt has left in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    template, atlas = None, None
    heads = []
    for number in range(count):
        reporter.check_cancelled()
        path = folder / f"head_{seed}_{number:03d}.npz"
        if not path.is_file():
            template = template or load_template()
            atlas = atlas or make_atlas(template)
            _write(make_head(template, atlas, draw_head(seed, number)), path)
        heads.append(_read(path))
        reporter.progress(f"synthetic head {number + 1} of {count}", 0.0)
    return heads


def _write(head: LabelMap, path: Path) -> None:
    places = np.zeros(0) if head.places is None else head.places
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as stream:
        np.savez_compressed(stream, painted=head.painted, scored=head.scored, places=places)
    os.replace(unfinished, path)


def _read(path: Path) -> LabelMap:
    with np.load(path, allow_pickle=False) as content:
        return LabelMap(content["painted"], content["scored"], SPACING_MM, content["places"])
