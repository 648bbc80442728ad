"""A template made of balls, for tests of the synthetic heads."""

from __future__ import annotations

import torch
from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.template import BRAIN_CLASSES
from mambamed.segmentation.brain_recipe.template import Template

__all__ = ["ball_template"]


def ball_template() -> Template:
    """A ball of cortex around a ball of white matter around a ventricle, at the place of the ICBM brain."""
    origin = (-120.0, -146.0, -146.0)
    axes = [torch.arange(0.0, n) + start for n, start in zip((237, 329, 293), origin, strict=True)]
    z, y, x = torch.meshgrid(*(axis[::2] for axis in axes), indexing="ij")
    radius = torch.sqrt((z - 4.0) ** 2 + (y - 18.0) ** 2 + x**2)
    probabilities = torch.zeros((len(BRAIN_CLASSES), *radius.shape))
    shells = {AnatomyClass.VENTRICLES: (0, 12), AnatomyClass.CEREBRAL_WHITE: (12, 40), AnatomyClass.CORTEX: (40, 55)}
    for part, (inner, outer) in shells.items():
        probabilities[BRAIN_CLASSES.index(part)] = ((radius >= inner) & (radius < outer)).float()
    push = torch.stack([z - 4.0, y - 18.0, x]) / radius.clamp(min=1.0) * torch.exp(-(radius - 12.0).clamp(min=0) / 12.0)
    large = torch.nn.functional.interpolate(
        torch.cat([probabilities, radius[None] - 55.0, push])[None], size=(237, 329, 293), mode="trilinear"
    )[0]
    return Template(large[:7], large[7:8], large[8:], origin, floor_mm=-71.0)
