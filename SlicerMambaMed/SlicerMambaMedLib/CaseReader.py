"""Image files and DICOM folders to volume nodes, for batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer

from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeFile import readVolumeFile
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["loadCaseImage"]


def loadCaseImage(path: Path, scene: Any, name: str) -> Any:
    """Add a scalar volume node with the image of a file (NIfTI, NRRD, MHA) or of a DICOM folder.

    Raises:
        ValueError: the path does not exist, is no image, holds several DICOM series, or has several values per voxel.
    """
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(name)
    if path.is_dir():
        _fillFromDicomFolder(node, path)
    else:
        readVolumeFile(path, node)
    components = node.GetImageData().GetNumberOfScalarComponents()
    if components != 1:
        text = _("{name} has {count} values per voxel; a greyscale volume is expected.")
        raise ValueError(text.format(name=path.name, count=components))
    return scene.AddNode(node)


def _fillFromDicomFolder(node: Any, folder: Path) -> None:
    """Read through SimpleITK (part of Slicer), as the engine does, so that a batch gives what the engine gives."""
    import SimpleITK
    from mambamed.imaging.dicom import read_dicom_folder

    image = read_dicom_folder(folder)
    slicer.util.updateVolumeFromArray(node, SimpleITK.GetArrayFromImage(image))
    ijkToLps = np.eye(4)
    ijkToLps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    ijkToLps[:3, 3] = image.GetOrigin()
    ijkToRas = np.diag([-1.0, -1.0, 1.0, 1.0]) @ ijkToLps
    node.SetIJKToRASMatrix(VolumeGeometry.fromMatrix(image.GetSize(), ijkToRas).asVtkMatrix())
