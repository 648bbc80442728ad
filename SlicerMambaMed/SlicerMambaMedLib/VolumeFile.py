"""Reads and writes volume files through MRML's own storage, without touching a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer

from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["readVolumeFile", "readVolumeOnGrid"]

_FLIPS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))


def readVolumeFile(path: Path, node: Any) -> Any:
    """Fill a volume node from a file (NIfTI, NRRD, MetaImage, or one file of a DICOM series) and return it.

    Raises:
        ValueError: the file is missing or is not an image that can be read.
    """
    if not path.is_file():
        raise ValueError(_("The image file {path} does not exist.").format(path=path))
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    storage.SetSingleFile(path.suffix.lower() in (".gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"))
    if not storage.ReadData(node) or node.GetImageData() is None:
        text = _("The file {path} cannot be read as an image. Check that it is NIfTI, NRRD, MHA or DICOM.")
        raise ValueError(text.format(path=path))
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
    flips = next((axes for axes in _FLIPS if found.flipped(axes).isSameGrid(grid)), None)
    if flips is None:
        raise ValueError(
            _(
                "The result {name} does not lie on the input's grid: it has {found} voxels, expected were {expected} "
                "at the input's place. It was not loaded."
            ).format(name=path.name, found=found.size, expected=grid.size)
        )
    if flips:
        # MRML's reader turns one axis of left-handed images around; numpy's axes are k, j, i.
        voxels = np.flip(slicer.util.arrayFromVolume(node), axis=[2 - axis for axis in flips])
        slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(voxels))
    node.SetIJKToRASMatrix(grid.asVtkMatrix())
    return node
