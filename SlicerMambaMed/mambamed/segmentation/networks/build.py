"""Build a segmentation network from a plan, by the name of the network or of the trainer that trained it."""

from __future__ import annotations

import importlib.util
import pydoc
from typing import Any

from torch import nn

from mambamed.errors import BadRequestError
from mambamed.segmentation.networks.plan import NetworkPlan
from mambamed.segmentation.networks.umamba import UMambaBot
from mambamed.segmentation.networks.umamba import UMambaEnc

__all__ = ["NETWORK_NAMES", "build_network", "network_name_of_trainer"]

NETWORK_NAMES = ("UMambaBot", "UMambaEnc", "plans")
"""Networks by name; ``plans`` is whatever network the plan itself names (PlainConvUNet, ResidualEncoderUNet, ...)."""

_PLANNED_NETWORKS = ("PlainConvUNet", "ResidualEncoderUNet", "ResidualUNet")
_COMPARED_NETWORKS = "mambamed.segmentation.networks.compared."
_NETWORK_PACKAGES = ("dynamic_network_architectures.architectures.", _COMPARED_NETWORKS)


def network_name_of_trainer(trainer_name: str) -> str:
    """Return the name of the network that a trainer class trains: a U-Mamba for the authors' trainers, else ``plans``.

    Example:
        >>> network_name_of_trainer("nnUNetTrainerUMambaEncNoAMP")
        'UMambaEnc'
        >>> network_name_of_trainer("nnUNetTrainer_100epochs")
        'plans'
    """
    for name in ("UMambaBot", "UMambaEnc"):
        if name in trainer_name:
            return name
    return "plans"


def build_network(
    architecture_name: str,
    configuration: Any,
    input_channels: int,
    output_channels: int,
    deep_supervision: bool = False,
) -> nn.Module:
    """Build a network with fresh weights.

    Args:
        architecture_name: ``"UMambaBot"``, ``"UMambaEnc"``, the name of a trainer (``"nnUNetTrainerUMambaBot"``), or
            ``"plans"`` for the network that the plan names.
        configuration: One configuration of an nnU-Net plan, as a dictionary (either form; see
            ``NetworkPlan.from_configuration`` and ``resolve_configuration``) or nnunetv2's ``ConfigurationManager``;
            or a ``NetworkPlan``.
        input_channels: Channels of the image.
        output_channels: Classes (logits per voxel).
        deep_supervision: Return the logits of every resolution, the highest first.

    Returns:
        The network, which maps (batch, input_channels, *patch) to logits (batch, output_channels, *patch).

    Raises:
        BadRequestError: Unknown network, or the plan does not describe one.
    """
    plan = configuration if isinstance(configuration, NetworkPlan) else NetworkPlan.from_configuration(configuration)
    name = architecture_name if architecture_name in NETWORK_NAMES else network_name_of_trainer(architecture_name)
    if architecture_name in _PLANNED_NETWORKS and plan.network_class_name.split(".")[-1] != architecture_name:
        raise BadRequestError(
            f"The network {architecture_name} was asked for, but the plan describes {plan.network_class_name}. "
            "Ask for the network 'plans', or plan the data set again."
        )
    if name == "UMambaBot":
        return UMambaBot(plan, input_channels, output_channels, deep_supervision)
    if name == "UMambaEnc":
        return UMambaEnc(plan, input_channels, output_channels, deep_supervision)
    return _build_planned_network(plan, input_channels, output_channels, deep_supervision)


def _build_planned_network(
    plan: NetworkPlan, input_channels: int, output_channels: int, deep_supervision: bool
) -> nn.Module:
    """Build the network that the plan names, by nnunetv2's own function."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    if plan.network_class_name.startswith(_COMPARED_NETWORKS):
        _require_monai(plan.network_class_name)
    _require_layer(plan.network_class_name, "network_class_name", _NETWORK_PACKAGES)
    for argument in plan.kw_requires_import:
        path = plan.arch_kwargs.get(argument)
        if path is not None:
            _require_layer(str(path), argument, ("torch.nn.", "dynamic_network_architectures.building_blocks."))
    try:
        network: nn.Module = get_network_from_plans(
            plan.network_class_name,
            dict(plan.arch_kwargs),
            list(plan.kw_requires_import),
            input_channels,
            output_channels,
            allow_init=True,
            deep_supervision=deep_supervision,
        )
    except (AssertionError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise BadRequestError(
            f"The network {plan.network_class_name} cannot be built from the plan's architecture block ({error}). "
            "Check plans.json, or plan the data set again with the installed nnunetv2."
        ) from error
    return network


def _require_monai(network: str) -> None:
    """Say what is missing before an import fails without words."""
    missing = [name for name in ("monai", "einops") if importlib.util.find_spec(name) is None]
    if missing:
        raise BadRequestError(
            f"The network {network.split('.')[-1]} needs the package{'s' if len(missing) > 1 else ''} "
            f"{' and '.join(missing)}; install with: pip install --no-deps {' '.join(missing)}"
        )


def _require_layer(path: str, argument: str, packages: tuple[str, ...]) -> None:
    """Refuse an import path from a plan unless it leads to a layer class in one of the packages.

    Plans come from outside, and nnunetv2 imports and calls whatever they name.
    """
    found = pydoc.locate(path) if path.startswith(packages) else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        places = " or ".join(package.rstrip(".") for package in packages)
        raise BadRequestError(
            f"The plan's {argument} is {path!r}; expected a layer of {places}. "
            "Models with other parts cannot be used here; check plans.json."
        )
