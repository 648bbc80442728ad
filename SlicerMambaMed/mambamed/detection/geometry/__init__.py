"""Geometry of rotated boxes in torch: conventions, corners, overlap, suppression, Gaussians and their distances.

A box is (cx, cy, w, h, angle): centre and sides in pixels, angle in radians. x runs along columns, y down along rows;
a positive angle turns x towards y. ``w`` lies along the angle's direction.
"""

from __future__ import annotations

from mambamed.detection.geometry.angle_conventions import to_convention
from mambamed.detection.geometry.angle_conventions import wrap_angle
from mambamed.detection.geometry.corners import boxes_to_corners
from mambamed.detection.geometry.corners import corners_to_boxes
from mambamed.detection.geometry.distances import box_similarity
from mambamed.detection.geometry.distances import gaussian_jensen_shannon
from mambamed.detection.geometry.distances import gaussian_kullback_leibler
from mambamed.detection.geometry.distances import gaussian_wasserstein_squared
from mambamed.detection.geometry.distances import similarity_measures
from mambamed.detection.geometry.gaussians import box_gaussians
from mambamed.detection.geometry.iou_loss import rotated_iou_loss
from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.detection.geometry.overlap import rotated_iou_pairs
from mambamed.detection.geometry.suppression import rotated_nms

__all__ = [
    "box_gaussians",
    "box_similarity",
    "boxes_to_corners",
    "corners_to_boxes",
    "gaussian_jensen_shannon",
    "gaussian_kullback_leibler",
    "gaussian_wasserstein_squared",
    "rotated_iou",
    "rotated_iou_loss",
    "rotated_iou_pairs",
    "rotated_nms",
    "similarity_measures",
    "to_convention",
    "wrap_angle",
]
