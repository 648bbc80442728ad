"""Maps of what moves a severity network: attention, Grad-CAM, integrated gradients; all on the network's grid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from captum.attr import IntegratedGradients
from captum.attr import LayerGradCam
from torch import Tensor
from torch.nn import functional

from mambamed.emphysema.explain.settings import METHODS
from mambamed.emphysema.severity.network import SeverityNetwork
from mambamed.errors import BadRequestError

__all__ = ["MethodMap", "explanation_layers", "method_map"]

_BATCH = 4


@dataclass(frozen=True)
class MethodMap:
    """One map.

    Attributes:
        values: (z, y, x), not negative, 0 outside the lungs.
        completeness_gap: Integrated gradients only: share of the explained difference that the map's sum misses.
    """

    values: Tensor
    completeness_gap: float | None = None


def explanation_layers(network: SeverityNetwork) -> list[str]:
    """Return the layers that Grad-CAM can look at: those with feature maps, first to last."""
    kinds = (torch.nn.Conv3d, torch.nn.BatchNorm3d, torch.nn.ReLU, torch.nn.MaxPool3d)
    return [
        name
        for name, module in network.named_modules()
        if name.startswith("stages.") and (isinstance(module, kinds) or name.count(".") == 1)
    ]


def method_map(
    network: SeverityNetwork,
    values: Tensor,
    mask: Tensor,
    target: int,
    method: str,
    layer: str | None = None,
    steps: int = 24,
) -> MethodMap:
    """Explain the network's evidence for a class (see ``SeverityNetwork.evidence``).

    Args:
        network: In eval mode.
        values: Input (1, 1, z, y, x).
        mask: Lungs (1, 1, z, y, x).
        target: Class index.
        method: One of ``METHODS``. Attention is the same for every class.
        layer: For Grad-CAM, one of ``explanation_layers``; None takes the last.
        steps: Of integrated gradients, from healthy lungs (the middle of the window, input 0) to the scan; a few at a
            time, so that memory stays bounded.

    Raises:
        BadRequestError: No such method or layer.
    """
    if method not in METHODS:
        raise BadRequestError(f"The explanation method is {method!r}; expected one of: {', '.join(METHODS)}.")
    if method == "attention":
        with torch.no_grad():
            found = network.pooled(values, mask)[1]
        return MethodMap(_spread(found, values, mask))
    if method == "grad-cam":
        name = layer if layer is not None else explanation_layers(network)[-1]
        if name not in explanation_layers(network):
            raise BadRequestError(
                f"The network has no layer {name!r} for Grad-CAM; it has: {', '.join(explanation_layers(network))}."
            )
        camera = LayerGradCam(network.evidence, network.get_submodule(name))
        with torch.enable_grad():
            found = camera.attribute(
                values.detach().requires_grad_(True),
                additional_forward_args=(mask, target),
                relu_attributions=True,
            )
        return MethodMap(_spread(found.detach(), values, mask))
    with torch.enable_grad():
        found, gap = IntegratedGradients(network.evidence).attribute(
            values.detach(),
            baselines=torch.zeros_like(values),
            additional_forward_args=(mask, target),
            n_steps=steps,
            internal_batch_size=_BATCH,
            return_convergence_delta=True,
        )
    with torch.no_grad():
        difference = network.evidence(values, mask, target) - network.evidence(torch.zeros_like(values), mask, target)
    share = float(gap.abs().sum() / difference.abs().sum().clamp(min=1e-6))
    return MethodMap(_spread(found.detach().clamp(min=0.0), values, mask), share)


def _spread(found: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Return a map (z, y, x) on the input's grid, within the lungs."""
    spread = functional.interpolate(found.float(), size=values.shape[2:], mode="trilinear", align_corners=False)
    return (spread * mask)[0, 0]
