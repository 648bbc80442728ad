"""Writes a voxel array as NRRD with the geometry to the last digit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["writeNrrd"]

_TYPE_NAMES = {
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "i8": "int64",
    "u8": "uint64",
    "f4": "float",
    "f8": "double",
}


def writeNrrd(path: Path, voxels: np.ndarray, geometry: VolumeGeometry) -> str:
    """Write an attached, uncompressed NRRD file and return its SHA-256.

    Uncompressed, since the file lives for the duration of one job on the same machine and packing would take longer
    than the rest of the export.

    Args:
        path: file to write.
        voxels: array indexed [k, j, i], or [k, j, i, component] for colour, as ``slicer.util.arrayFromVolume`` has it.
        geometry: grid; its size must be that of the array.

    Raises:
        ValueError: the array is of another size than the grid, or of a type that NRRD lacks.
    """
    if voxels.shape[:3] != tuple(reversed(geometry.size)) or voxels.ndim > 4:
        text = _("The array has shape {shape}, but the grid has {size} voxels along i, j, k.")
        raise ValueError(text.format(shape=voxels.shape, size=geometry.size))
    typeName = _TYPE_NAMES.get(voxels.dtype.str[1:])
    if typeName is None:
        text = _("Voxels of type {type} cannot be written as NRRD. Cast the volume to float first.")
        raise ValueError(text.format(type=voxels.dtype))
    littleEndian = np.ascontiguousarray(voxels, dtype=voxels.dtype.newbyteorder("<"))
    toLps = geometry.ijkToLps
    directions = " ".join(_vector(toLps[:3, column]) for column in range(3))
    isColor = voxels.ndim == 4
    sizes = " ".join(str(count) for count in reversed(voxels.shape[:3]))
    header = "\n".join(
        [
            "NRRD0004",
            f"type: {typeName}",
            f"dimension: {voxels.ndim}",
            "space: left-posterior-superior",
            f"sizes: {voxels.shape[3]} {sizes}" if isColor else f"sizes: {sizes}",
            f"space directions: none {directions}" if isColor else f"space directions: {directions}",
            "kinds: vector domain domain domain" if isColor else "kinds: domain domain domain",
            "endian: little",
            "encoding: raw",
            f"space origin: {_vector(toLps[:3, 3])}",
            "",
            "",
        ]
    ).encode("ascii")
    data = memoryview(littleEndian).cast("B")
    digest = hashlib.sha256(header)
    digest.update(data)
    with path.open("wb") as stream:
        stream.write(header)
        stream.write(data)
    return digest.hexdigest()


def _vector(values: np.ndarray) -> str:
    """Return three numbers in NRRD's notation, each with the 17 digits that restore a double exactly."""
    return "(" + ",".join(f"{float(value):.17g}" for value in values) + ")"
