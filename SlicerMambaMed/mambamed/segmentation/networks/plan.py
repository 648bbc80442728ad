"""What an nnU-Net plan says about a network: features, kernels, strides and convolutions per stage, patch size."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["NetworkPlan", "resolve_configuration"]

_OLD_NETWORKS = {
    "PlainConvUNet": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "ResidualEncoderUNet": "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
}


@dataclass(frozen=True)
class NetworkPlan:
    """The shape of a U-shaped network, from full resolution (stage 0) to the bottleneck.

    Attributes:
        patch_size: Planned patch in voxels, in the plan's axis order (last axis fastest).
        features_per_stage: Channels of each stage.
        kernel_sizes: Convolution kernel of each stage.
        strides: Downsampling on entering each stage; the first is all ones.
        n_conv_per_stage: Convolutions (or residual blocks) per encoder stage.
        n_conv_per_stage_decoder: The same for the decoder, deepest first; one fewer.
        network_class_name: The network that the plan itself names (import path).
        arch_kwargs: Keyword arguments for that network, as in nnunetv2 2.2 and newer.
        kw_requires_import: Names in ``arch_kwargs`` that are import paths.
    """

    patch_size: tuple[int, ...]
    features_per_stage: tuple[int, ...]
    kernel_sizes: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    n_conv_per_stage: tuple[int, ...]
    n_conv_per_stage_decoder: tuple[int, ...]
    network_class_name: str
    arch_kwargs: Mapping[str, Any]
    kw_requires_import: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.patch_size)

    @classmethod
    def from_configuration(cls, configuration: Any) -> NetworkPlan:
        """Read one configuration of a plan.

        Args:
            configuration: The dictionary ``plans["configurations"][name]`` in the form with an ``architecture`` block
                (nnunetv2 2.2 and newer) or with flat keys (older, U-Mamba), or nnunetv2's ``ConfigurationManager``.

        Raises:
            BadRequestError: The configuration lacks what a network needs.
        """
        values: Mapping[str, Any] = getattr(configuration, "configuration", configuration)
        try:
            patch_size = tuple(int(size) for size in values["patch_size"])
            dimension = len(patch_size)
            if dimension not in (2, 3):
                raise BadRequestError(
                    f"The plan's patch size {list(patch_size)} has {dimension} axes; networks are 2D or 3D."
                )
            block = values["architecture"] if "architecture" in values else _architecture_of_old_plan(values, dimension)
            arch_kwargs = block["arch_kwargs"]
            features = arch_kwargs["features_per_stage"]
            stages = int(arch_kwargs.get("n_stages") or len(features))
            convolutions = arch_kwargs.get("n_conv_per_stage", arch_kwargs.get("n_blocks_per_stage"))
            if convolutions is None:
                raise KeyError("n_conv_per_stage")
            plan = cls(
                patch_size=patch_size,
                features_per_stage=_per_stage(features, stages, "features_per_stage"),
                kernel_sizes=_per_stage_and_axis(arch_kwargs["kernel_sizes"], stages, dimension, "kernel_sizes"),
                strides=_per_stage_and_axis(arch_kwargs["strides"], stages, dimension, "strides"),
                n_conv_per_stage=_per_stage(convolutions, stages, "n_conv_per_stage"),
                n_conv_per_stage_decoder=_per_stage(
                    arch_kwargs["n_conv_per_stage_decoder"], stages - 1, "n_conv_per_stage_decoder"
                ),
                network_class_name=str(block["network_class_name"]),
                arch_kwargs=dict(arch_kwargs),
                kw_requires_import=tuple(block.get("_kw_requires_import", ())),
            )
        except KeyError as error:
            raise BadRequestError(
                f"The plan has no {error.args[0]!r}, so the network cannot be built from it: expected an nnU-Net v2 "
                "configuration with an 'architecture' block or with the flat keys of nnunetv2 2.1. Check plans.json."
            ) from error
        return plan


def resolve_configuration(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration of a plans dictionary with everything that it inherits (``inherits_from``) filled in.

    Raises:
        BadRequestError: No such configuration, or they inherit in a circle.
    """
    configurations = plans.get("configurations", {})
    chain: list[str] = []
    current: str | None = name
    while current is not None:
        if current not in configurations:
            known = ", ".join(sorted(configurations)) or "none"
            raise BadRequestError(f"The plans have no configuration {current!r}; they have: {known}.")
        if current in chain:
            raise BadRequestError(f"The plans' configurations inherit in a circle: {' -> '.join([*chain, current])}.")
        chain.append(current)
        current = configurations[current].get("inherits_from")
    resolved: dict[str, Any] = {}
    for ancestor in reversed(chain):
        resolved.update(configurations[ancestor])
    resolved.pop("inherits_from", None)
    return resolved


def _architecture_of_old_plan(values: Mapping[str, Any], dimension: int) -> dict[str, Any]:
    """Write the flat keys of nnunetv2 2.1 as the ``architecture`` block of newer plans."""
    class_name = values["UNet_class_name"]
    if class_name not in _OLD_NETWORKS:
        raise BadRequestError(
            f"The plan names the network {class_name!r}; plans of this form may name {', '.join(_OLD_NETWORKS)}."
        )
    strides = values["pool_op_kernel_sizes"]
    stages = len(strides)
    base, largest = int(values["UNet_base_num_features"]), int(values["unet_max_num_features"])
    counts = "n_conv_per_stage" if class_name == "PlainConvUNet" else "n_blocks_per_stage"
    return {
        "network_class_name": _OLD_NETWORKS[class_name],
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": [min(base * 2**stage, largest) for stage in range(stages)],
            "conv_op": f"torch.nn.modules.conv.Conv{dimension}d",
            "kernel_sizes": values["conv_kernel_sizes"],
            "strides": strides,
            counts: values["n_conv_per_stage_encoder"],
            "n_conv_per_stage_decoder": values["n_conv_per_stage_decoder"],
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimension}d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def _per_stage(value: int | Sequence[int], stages: int, name: str) -> tuple[int, ...]:
    values = (int(value),) * stages if isinstance(value, int) else tuple(int(entry) for entry in value)
    if len(values) != stages:
        raise BadRequestError(f"The plan's {name} has {len(values)} entries; {stages} are expected for its stages.")
    return values


def _per_stage_and_axis(value: Any, stages: int, dimension: int, name: str) -> tuple[tuple[int, ...], ...]:
    entries = [value] * stages if isinstance(value, int) else list(value)
    if len(entries) != stages:
        raise BadRequestError(f"The plan's {name} has {len(entries)} entries; {stages} are expected for its stages.")
    return tuple(_per_stage(entry, dimension, f"{name} entry") for entry in entries)
