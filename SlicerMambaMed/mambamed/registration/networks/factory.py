"""Making a registration network from its name and configuration, ours or that of the public code."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from torch import nn

from mambamed.errors import BadRequestError
from mambamed.registration.network_names import NETWORK_NAMES
from mambamed.registration.networks.convolutional import FEATURE_CHANNELS
from mambamed.registration.networks.pyramid import STAGES
from mambamed.registration.networks.pyramid import PyramidRegistrationNetwork
from mambamed.registration.networks.state_space_encoders import Mode
from mambamed.registration.networks.state_space_encoders import mamba_encoder
from mambamed.registration.networks.state_space_encoders import visual_state_space_encoder
from mambamed.registration.networks.swin_encoder import SwinEncoder
from mambamed.registration.networks.voxelmorph import VoxelMorph

__all__ = ["NETWORK_NAMES", "build", "from_reference_config"]


def build(name: str, **config: Any) -> nn.Module:
    """Make a registration network with fresh weights.

    Args:
        name: one of ``NETWORK_NAMES``. ``_feat`` has the shared feature extractor; ``vmambamorph_recursive`` has it
            too and makes two passes.
        config: settings of that network, by default those of the paper. VMambaMorph: mode, embed_dim, depths,
            directions, state_size, expansion, position_code, head_channels, integration_steps, passes, scan_backend,
            feature_channels, downsize, self_similarity, matching_radius (see ``PyramidRegistrationNetwork``).
            MambaMorph: the same without mode, depths, directions and passes, with convolution_taps. TransMorph:
            embed_dim, depths, heads, window, expansion, projection_bias, drop_path, head_channels, feature_channels,
            downsize, self_similarity, matching_radius. VoxelMorph: see ``VoxelMorph``.
            ``mode="reference"`` makes VMambaMorph as published, faults included; the default, ``mode="corrected"``,
            uses every block, and six scan directions put back in place.

    Returns:
        A module whose ``forward(source, target)`` returns a ``RegistrationOutput``.

    Raises:
        BadRequestError: unknown name or setting.
    """
    if name not in NETWORK_NAMES:
        raise BadRequestError(f'There is no registration network "{name}"; choose one of {", ".join(NETWORK_NAMES)}.')
    family = name.split("_")[0]
    features = name.endswith(("_feat", "_recursive"))
    if name.endswith("_recursive"):
        config.setdefault("passes", 2)
    makers: dict[str, Callable[..., nn.Module]] = {
        "vmambamorph": _vmambamorph,
        "mambamorph": _mambamorph,
        "transmorph": _transmorph,
        "voxelmorph": VoxelMorph,
    }
    try:
        return makers[family](features=features, **config)
    except TypeError as error:
        raise BadRequestError(f'The network "{name}" cannot take these settings: {error}.') from error


def from_reference_config(name: str, cfg: Mapping[str, Any]) -> nn.Module:
    """Make a network exactly as the public code would from its configuration, faults included.

    Args:
        name: one of ``NETWORK_NAMES``.
        cfg: the configuration object of the public code (as in the golden vectors).

    Returns:
        A network that takes the authors' weights (``load_reference_weights``).
    """
    family = name.split("_")[0]
    if family == "voxelmorph":
        encoder, decoder = cfg["nb_unet_features"]
        settings: dict[str, Any] = {
            "encoder_channels": encoder,
            "decoder_channels": decoder,
            "integration_steps": cfg["int_steps"],
            "downsize": cfg["int_downsize"],
        }
        if "nb_feat_extractor" in cfg:
            settings["feature_channels"] = tuple(cfg["nb_feat_extractor"])
        return build(name, **settings)
    unsupported = {"ape": False, "patch_norm": True, "patch_size": 4, "if_convskip": True, "if_transskip": True}
    for key, only in unsupported.items():
        if cfg.get(key, only) != only:
            raise BadRequestError(
                f"The reference configuration has {key} = {cfg[key]!r}; the published networks only have {only!r}."
            )
    settings = {"embed_dim": cfg["embed_dim"], "head_channels": cfg["reg_head_chan"]}
    if family == "transmorph":
        settings |= {
            "depths": cfg["depths"],
            "heads": cfg["num_heads"],
            "window": cfg["window_size"],
            "expansion": cfg["mlp_ratio"],
            "projection_bias": cfg["qkv_bias"],
            "drop_path": cfg["drop_path_rate"],
        }
    else:
        settings |= {
            "state_size": cfg["d_state"],
            "expansion": cfg["expand"],
            "position_code": cfg["spe"],
        }
        if family == "mambamorph":
            settings |= {"convolution_taps": cfg["d_conv"]}
        else:
            settings |= {"depths": cfg["depths"], "mode": "reference"}
    return build(name, **settings)


def _channels_in(features: bool, feature_channels: int) -> int:
    return 2 * feature_channels if features else 2


def _vmambamorph(
    *,
    features: bool,
    mode: Mode = "corrected",
    embed_dim: int = 96,
    depths: Sequence[int] = (2, 2, 2),
    directions: int = 6,
    state_size: int = 16,
    expansion: int = 2,
    position_code: bool = True,
    head_channels: int = 16,
    integration_steps: int = 7,
    passes: int = 1,
    scan_backend: str = "auto",
    feature_channels: int = FEATURE_CHANNELS,
    **frame: Any,
) -> PyramidRegistrationNetwork:
    if mode not in ("corrected", "reference") or directions not in (4, 6):
        raise BadRequestError(
            f"VMambaMorph was asked for with mode {mode!r} and {directions} scan directions; choose mode corrected or "
            "reference, and 4 or 6 directions."
        )
    encoder = visual_state_space_encoder(
        _channels_in(features, feature_channels),
        embed_dim,
        depths,
        mode=mode,
        directions=directions,
        state_size=state_size,
        expansion=expansion,
        position_code=position_code,
        scan_backend=scan_backend,
    )
    return PyramidRegistrationNetwork(
        encoder,
        embed_dim,
        features=features,
        integration_steps=integration_steps,
        passes=passes,
        head_channels=head_channels,
        feature_channels=feature_channels,
        **frame,
    )


def _mambamorph(
    *,
    features: bool,
    embed_dim: int = 96,
    state_size: int = 16,
    convolution_taps: int = 4,
    expansion: int = 2,
    position_code: bool = True,
    head_channels: int = 16,
    integration_steps: int = 7,
    scan_backend: str = "auto",
    feature_channels: int = FEATURE_CHANNELS,
    **frame: Any,
) -> PyramidRegistrationNetwork:
    encoder = mamba_encoder(
        _channels_in(features, feature_channels),
        embed_dim,
        STAGES,
        state_size=state_size,
        convolution_taps=convolution_taps,
        expansion=expansion,
        position_code=position_code,
        scan_backend=scan_backend,
    )
    return PyramidRegistrationNetwork(
        encoder,
        embed_dim,
        features=features,
        integration_steps=integration_steps,
        head_channels=head_channels,
        feature_channels=feature_channels,
        **frame,
    )


def _transmorph(
    *,
    features: bool,
    embed_dim: int = 96,
    depths: Sequence[int] = (2, 2, 4),
    heads: Sequence[int] = (4, 4, 8),
    window: Sequence[int] = (5, 6, 7),
    expansion: float = 4.0,
    projection_bias: bool = False,
    drop_path: float = 0.3,
    head_channels: int = 16,
    feature_channels: int = FEATURE_CHANNELS,
    **frame: Any,
) -> PyramidRegistrationNetwork:
    encoder = SwinEncoder(
        _channels_in(features, feature_channels),
        embed_dim,
        depths,
        heads,
        window,
        expansion=expansion,
        projection_bias=projection_bias,
        drop_path=drop_path,
    )
    return PyramidRegistrationNetwork(
        encoder,
        embed_dim,
        features=features,
        read_out=False,
        integration_steps=0,
        head_channels=head_channels,
        feature_channels=feature_channels,
        **frame,
    )
