"""What every one-pass registration network returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["RegistrationOutput"]


@dataclass(frozen=True)
class RegistrationOutput:
    """Fields are in voxels, component i along array axis i, from the target's grid into the source.

    Attributes:
        moved: the source on the target's grid, (B, 1, X, Y, Z).
        preint_flow: what the head predicted: a velocity where the network integrates, else the displacement.
            VoxelMorph's has half the size.
        pos_flow: displacement that moves the source onto the target, (B, 3, X, Y, Z).
        feature: read-out features, source channels then target channels, if they were asked for.
        warped_feature: VoxelMorph with features: read-out of the source's features after warping them.
        matches: agreement of features at every small shift, at half of the size, where the network looks at it (see
            ``local_matches``).
    """

    moved: Tensor
    preint_flow: Tensor
    pos_flow: Tensor
    feature: Tensor | None = None
    warped_feature: Tensor | None = None
    matches: Tensor | None = None
