"""Layers of registration networks: warping, integration, losses and metrics of displacement fields."""

from __future__ import annotations

from mambamed.registration.layers.losses import dice_loss
from mambamed.registration.layers.losses import ncc_loss
from mambamed.registration.layers.losses import smoothness_loss
from mambamed.registration.layers.metrics import hausdorff_distance
from mambamed.registration.layers.metrics import jacobian_determinant
from mambamed.registration.layers.metrics import negative_jacobian_percent
from mambamed.registration.layers.metrics import non_positive_jacobian_percent
from mambamed.registration.layers.spatial_transformer import compose
from mambamed.registration.layers.spatial_transformer import integrate_velocity
from mambamed.registration.layers.spatial_transformer import resize_displacement
from mambamed.registration.layers.spatial_transformer import warp

__all__ = [
    "compose",
    "dice_loss",
    "hausdorff_distance",
    "integrate_velocity",
    "jacobian_determinant",
    "ncc_loss",
    "negative_jacobian_percent",
    "non_positive_jacobian_percent",
    "resize_displacement",
    "smoothness_loss",
    "warp",
]
