"""The ICBM152 2009a template as tissue probabilities and distance maps, the one anatomy that all synthetic heads bend.

The files ship in the ``nilearn`` package (grey and white matter probabilities and a skull-stripped T1, 1 mm).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from mambamed.errors import BadRequestError
from mambamed.segmentation.brain_recipe.classes import AnatomyClass

__all__ = ["BRAIN_CLASSES", "TEMPLATE_REFERENCE", "Template", "load_template", "template_file"]

TEMPLATE_REFERENCE = (
    "Fonov V, et al. Unbiased average age-appropriate atlases for pediatric studies. NeuroImage 54, 2011. "
    "ICBM152 template: Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal "
    "Neurological Institute, McGill University. Permission to use, copy, modify, and distribute the template "
    "and its documentation for any purpose and without fee is granted, provided that the copyright notice "
    "appears in all copies; provided as is, without express or implied warranty."
)
"""Belongs into the card of every model that learned from it."""

BRAIN_CLASSES = (
    AnatomyClass.CORTEX,
    AnatomyClass.DEEP_GREY,
    AnatomyClass.CEREBELLAR_GREY,
    AnatomyClass.CEREBRAL_WHITE,
    AnatomyClass.BRAIN_STEM,
    AnatomyClass.VENTRICLES,
    AnatomyClass.SULCAL_CSF,
)
_MARGIN_MM = 48
_VENTRICLE_REACH_MM = 12.0


@dataclass(frozen=True)
class Template:
    """Maps of the template on one LPS grid with 1 mm voxels; axes of all tensors are (z, y, x).

    Attributes:
        probabilities: (7, Z, Y, X), probability of each of ``BRAIN_CLASSES``; 0 outside the brain. Below the last slice
            of the template the slice is repeated, so that the cord goes on.
        distance_mm: (1, Z, Y, X), distance to the brain surface, negative inside.
        ventricle_push: (3, Z, Y, X), components (z, y, x) of the outward direction of the ventricle wall, fading with
            the distance to it.
        origin_mm: LPS position (z, y, x) of voxel (0, 0, 0).
        floor_mm: z below which the template ends and the cord is an extension.
    """

    probabilities: torch.Tensor
    distance_mm: torch.Tensor
    ventricle_push: torch.Tensor
    origin_mm: tuple[float, float, float]
    floor_mm: float


def template_file(kind: str) -> Path:
    """Return the path of nilearn's template file; ``kind`` is ``t1``, ``gm`` or ``wm``.

    Raises:
        BadRequestError: nilearn is not installed, or does not hold the file.
    """
    found = importlib.util.find_spec("nilearn")
    if found is None or found.origin is None:
        raise BadRequestError(
            "The ICBM152 template was not found: it ships in the package nilearn. Install it with pip install nilearn."
        )
    path = Path(found.origin).parent / "datasets" / "data" / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
    if not path.is_file():
        raise BadRequestError(f"nilearn does not hold {path.name}; a version of nilearn from 0.8 on is expected.")
    return path


def _read(kind: str) -> tuple[np.ndarray, tuple[float, float, float]]:
    image = sitk.DICOMOrient(sitk.ReadImage(str(template_file(kind))), "LPS")
    x_mm, y_mm, z_mm = image.GetOrigin()
    return sitk.GetArrayFromImage(image).astype(np.float32), (z_mm, y_mm, x_mm)


def load_template() -> Template:
    """Read the template and split its tissues into the parts of ``BRAIN_CLASSES`` by simple anatomical rules."""
    t1, origin = _read("t1")
    grey = _read("gm")[0] / 255.0
    white = _read("wm")[0] / 255.0
    pad = ((_MARGIN_MM, 0), (_MARGIN_MM, _MARGIN_MM), (_MARGIN_MM, _MARGIN_MM))
    sideways = ((0, 0), *pad[1:])
    downwards = (pad[0], (0, 0), (0, 0))
    # The brain touches the template's lowest slice: that slice goes on as the cord; everywhere else there is no brain.
    t1, grey, white = (np.pad(np.pad(a, sideways), downwards, mode="edge") for a in (t1, grey, white))
    floor_mm = origin[0] + 1.0
    origin = (origin[0] - _MARGIN_MM, origin[1] - _MARGIN_MM, origin[2] - _MARGIN_MM)

    brain = ndimage.binary_fill_holes(t1 > 0)
    grey = grey * brain
    white = white * brain
    fluid = np.clip(brain - grey - white, 0.0, 1.0)
    inside_mm = ndimage.distance_transform_edt(brain).astype(np.float32)
    distance_mm = ndimage.distance_transform_edt(~brain).astype(np.float32) - inside_mm

    z, y, x = np.ogrid[tuple(slice(0, n) for n in t1.shape)]
    z, y, x = z + origin[0], -(y + origin[1]), x + origin[2]  # MNI millimetres: y grows to the front
    deep = (np.abs(x) < 36) & (y > -36) & (y < 26) & (z > -14) & (z < 22) & (inside_mm > 14)
    cerebellum = ((z < -20) & (y < -32) & (np.abs(x) < 56)) | ((z < -8) & (np.abs(x) < 12) & (y < -44) & (y > -76))
    stem = (np.abs(x) < 20) & (z < -14) & (y > -46) & (y < -8)
    middle = ((np.abs(x) < 45) & (z > -28) & (z < 36) & (y > -60) & (y < 40) & (inside_mm > 13)) | (
        (np.abs(x) < 14) & (y < -30) & (y > -60) & (z < -18) & (z > -50) & (inside_mm > 9)
    )
    parts = [
        grey * ~deep * ~cerebellum,
        grey * deep,
        grey * cerebellum * ~deep,
        white * ~stem * ~cerebellum,
        white * (stem | cerebellum),
        fluid * middle,
        fluid * ~middle,
    ]
    wall_mm = ndimage.distance_transform_edt(parts[5][::2, ::2, ::2] < 0.5, sampling=2.0).astype(np.float32)
    wall_mm = ndimage.gaussian_filter(wall_mm, 1.0)
    push = np.stack(np.gradient(wall_mm, 2.0)) * np.exp(-wall_mm / _VENTRICLE_REACH_MM)
    return Template(
        probabilities=torch.from_numpy(np.stack(parts).astype(np.float32)),
        distance_mm=torch.from_numpy(distance_mm[None]),
        ventricle_push=torch.from_numpy(push.astype(np.float32)),
        origin_mm=origin,
        floor_mm=floor_mm,
    )
