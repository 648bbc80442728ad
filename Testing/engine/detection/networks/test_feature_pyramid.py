"""Feature pyramid: sizes, and how its levels hang together."""

from __future__ import annotations

import torch
from mambamed.detection.networks.feature_pyramid import FeaturePyramid


def test_sizes_and_what_each_level_sees() -> None:
    torch.manual_seed(0)
    pyramid = FeaturePyramid((4, 6, 8), 5)
    sizes = [(9, 13), (5, 7), (3, 4)]
    features = [torch.randn(2, c, *size, requires_grad=True) for c, size in zip((4, 6, 8), sizes, strict=True)]
    levels = pyramid(features)
    assert [tuple(level.shape) for level in levels] == [(2, 5, *size) for size in [*sizes, (2, 2), (1, 1)]]
    seen = []
    for level in levels:
        gradients = torch.autograd.grad(level.square().sum(), features, retain_graph=True, allow_unused=True)
        seen.append([gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients])
    assert seen == [[True, True, True], [False, True, True], *[[False, False, True]] * 3]
