"""Group in place of batch normalisation in a network."""

from __future__ import annotations

from torch import nn

__all__ = ["GROUPS", "use_group_norm"]

GROUPS = 8
"""All channels of the backbones are multiples of 8."""


def use_group_norm(network: nn.Module) -> None:
    """Put a new group normalisation in the place of every batch normalisation.

    MONAI's ResNet has a setting for it, which reaches only the first of its layers.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.GroupNorm(GROUPS, child.num_features, eps=child.eps))
