"""Names of the registration networks. Standard library only."""

from __future__ import annotations

__all__ = ["NETWORK_NAMES"]

NETWORK_NAMES = (
    "vmambamorph",
    "vmambamorph_feat",
    "vmambamorph_recursive",
    "mambamorph",
    "mambamorph_feat",
    "transmorph",
    "transmorph_feat",
    "voxelmorph",
    "voxelmorph_feat",
)
