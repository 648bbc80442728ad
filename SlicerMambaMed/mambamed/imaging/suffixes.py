"""Endings of image files; needs nothing but the standard library (Slicer's own process imports it)."""

from __future__ import annotations

__all__ = ["IMAGE_SUFFIXES"]

IMAGE_SUFFIXES = (
    ".nii.gz",
    ".nii",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".dcm",
    ".gipl",
    ".gipl.gz",
    ".hdr",
    ".img",
    ".png",
    ".tif",
    ".tiff",
    ".jpg",
    ".jpeg",
    ".bmp",
)
"""Endings that a folder or a batch list is searched for, longest first where one ends in another."""
