"""Image files and DICOM folders to volume nodes, for batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeFile import readVolumeFile
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["PICTURE_ATTRIBUTE", "PICTURE_SUFFIXES", "loadCaseImage"]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
PICTURE_ATTRIBUTE = "MambaMed.PictureFile"
"""Of a node that was read from a picture: name of the file."""


def loadCaseImage(path: Path, scene: Any, name: str, components: Sequence[int] = (1,)) -> Any:
    """Add a volume node with the image of a file (NIfTI, NRRD, MHA, ...) or of a DICOM folder.

    Args:
        path: file or folder.
        scene: where the node goes.
        name: of the node.
        components: numbers of values per voxel that the task can take.

    Raises:
        ValueError: the path does not exist, is no image, holds several DICOM series, or has another number of values
            per voxel.
    """
    isPicture = path.suffix.lower() in PICTURE_SUFFIXES
    if path.is_dir() or isPicture or max(components) > 1:
        node = _readThroughSimpleItk(path)
    else:
        node = readVolumeFile(path, slicer.vtkMRMLScalarVolumeNode())
    if isPicture:
        node.SetAttribute(PICTURE_ATTRIBUTE, path.name)
    node.SetName(name)
    count = node.GetImageData().GetNumberOfScalarComponents()
    if count not in components:
        text = _("{name} has {count} values per voxel; a greyscale volume is expected.")
        if max(components) > 1:
            text = _("{name} has {count} values per voxel; one grey or colour image is expected.")
        raise ValueError(text.format(name=path.name, count=count))
    return scene.AddNode(node)


def _readThroughSimpleItk(path: Path) -> Any:
    """Read through SimpleITK (part of Slicer), as the engine does, so that a batch gives what the engine gives.

    Raises:
        ValueError: it is no image, or a folder of several DICOM series.
    """
    import SimpleITK
    from mambamed.imaging.dicom import read_dicom_folder

    if path.is_dir():
        image = read_dicom_folder(path)
    elif not path.is_file():
        raise ValueError(_("The image file {path} does not exist.").format(path=path))
    else:
        try:
            image = SimpleITK.ReadImage(str(path))
        except RuntimeError as error:
            raise ValueError(_("The file {path} cannot be read as an image.").format(path=path)) from error
    if image.GetDimension() == 2:
        image = SimpleITK.JoinSeries(image)
    isColor = image.GetNumberOfComponentsPerPixel() > 1
    node = slicer.vtkMRMLVectorVolumeNode() if isColor else slicer.vtkMRMLScalarVolumeNode()
    slicer.util.updateVolumeFromArray(node, SimpleITK.GetArrayFromImage(image))
    ijkToLps = np.eye(4)
    ijkToLps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    ijkToLps[:3, 3] = image.GetOrigin()
    ijkToRas = np.diag([-1.0, -1.0, 1.0, 1.0]) @ ijkToLps
    node.SetIJKToRASMatrix(VolumeGeometry.fromMatrix(image.GetSize(), ijkToRas).asVtkMatrix())
    return node
