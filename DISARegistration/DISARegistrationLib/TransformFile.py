"""ITK transform files to transform nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from SlicerMambaMedLib.Text import tr as _

__all__ = ["readTransformFile"]


def readTransformFile(path: Path, name: str) -> Any:
    """Return a transform node, not in a scene yet, that acts on a volume as the file's transform resamples it.

    The file's transform takes points of the image that is resampled onto to the image that is resampled (ITK's
    direction, LPS); in MRML that is the node's way from its parent.

    Raises:
        ValueError: the file cannot be read.
    """
    node = slicer.vtkMRMLTransformNode()
    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(path))
    if not path.is_file() or not storage.ReadData(node):
        raise ValueError(_("The transform {path} cannot be read.").format(path=path))
    # The class shows what it is, and lets selectors for one kind find it.
    if node.IsLinear():
        typed = slicer.vtkMRMLLinearTransformNode()
    else:
        typed = slicer.vtkMRMLGridTransformNode()
        # MRML reads fields for cubic interpolation; ITK, which made this one, interpolates them linearly.
        field = node.GetTransformFromParentAs("vtkOrientedGridTransform", False)
        if field is not None:
            field.SetInterpolationModeToLinear()
    typed.CopyContent(node)
    typed.SetName(name)
    return typed
