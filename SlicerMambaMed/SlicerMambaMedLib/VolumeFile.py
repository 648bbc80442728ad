"""Reads and writes volume files through MRML's own storage, without touching a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["readVolumeFile", "readVolumeOnGrid"]


def readVolumeFile(path: Path, node: Any) -> Any:
    """Fill a volume node from a file (NIfTI, NRRD, MetaImage, or one file of a DICOM series) and return it.

    Raises:
        ValueError: the file is missing or is not an image that can be read.
    """
    if not path.is_file():
        raise ValueError(f"The image file {path} does not exist.")
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    storage.SetSingleFile(path.suffix.lower() in (".gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"))
    if not storage.ReadData(node) or node.GetImageData() is None:
        raise ValueError(f"The file {path} cannot be read as an image. Check that it is NIfTI, NRRD, MHA or DICOM.")
    return node


def readVolumeOnGrid(path: Path, node: Any, grid: VolumeGeometry) -> Any:
    """Fill a volume node from a result file that must lie on a known grid, and give it exactly that grid.

    The engine promises that results lie on the input's own grid; files such as NIfTI round its numbers to single
    precision, which is undone here.

    Raises:
        ValueError: the file cannot be read, or lies on another grid.
    """
    readVolumeFile(path, node)
    found = VolumeGeometry.ofVolumeNode(node, inWorld=False)
    if not found.isSameGrid(grid):
        raise ValueError(
            f"The result {path.name} does not lie on the input's grid: it has {found.size} voxels, expected were "
            f"{grid.size} at the input's place. It was not loaded."
        )
    node.SetIJKToRASMatrix(grid.asVtkMatrix())
    return node
