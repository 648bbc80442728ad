"""Encoders of MambaMorph and VMambaMorph: three stages of tokens at 1/4, 1/8 and 1/16 of the size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.nn.mamba import Mamba
from mambamed.nn.visual_state_space import VisualStateSpaceBlock
from mambamed.registration.networks.patches import PatchEmbedding
from mambamed.registration.networks.patches import PatchMerging
from mambamed.registration.networks.patches import sinusoidal_position

__all__ = ["Mode", "StateSpaceEncoder", "mamba_encoder", "visual_state_space_encoder"]

Mode = Literal["corrected", "reference"]


class _MambaStage(nn.Module):
    """LayerNorm and one Mamba block over the tokens in array order (axis 2 fastest), without a residual connection."""

    def __init__(self, block: Mamba, merging: PatchMerging | None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(block.d_model)
        self.mamba = block
        self.downsample = merging

    def forward(self, tokens: Tensor) -> Tensor:
        sequence = self.norm(tokens).flatten(1, 3)
        return self.mamba(sequence).reshape(tokens.shape)


class _VisualStage(nn.Module):
    """Residual visual state-space blocks, one after the other."""

    def __init__(self, blocks: Sequence[VisualStateSpaceBlock], merging: PatchMerging | None) -> None:
        super().__init__()
        self.mamba = nn.ModuleList(blocks)
        self.downsample = merging

    def forward(self, tokens: Tensor) -> Tensor:
        for block in self.mamba:
            tokens = block(tokens)
        return tokens


class _PublishedVisualStage(nn.Module):
    """The stage of the public code: every block reads the normalised input and only the last one's result is kept.

    The other blocks hold parameters that never act; they are not run.
    """

    def __init__(self, channels: int, blocks: Sequence[VisualStateSpaceBlock], merging: PatchMerging | None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.mamba = nn.ModuleList(blocks)
        self.downsample = merging

    def forward(self, tokens: Tensor) -> Tensor:
        sizes = tuple(tokens.shape[1:4])
        if len(set(sizes)) != 1:
            raise BadRequestError(
                f"VMambaMorph in reference mode was given a token grid of {sizes}; the published "
                "network only exists for cubes. Use mode='corrected' for other shapes."
            )
        return self.mamba[-1](self.norm(tokens))


class StateSpaceEncoder(nn.Module):
    """Patch embedding, position code, stages with patch merging between them, LayerNorm of every stage's output."""

    def __init__(
        self, channels_in: int, embed_dim: int, stages: Sequence[nn.Module], position_code: bool = True
    ) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(channels_in, embed_dim)
        self.layers = nn.ModuleList(stages)
        self.position_code = position_code
        for index in range(len(stages)):
            self.add_module(f"norm{index}", nn.LayerNorm(embed_dim * 2**index))

    def forward(self, x: Tensor, more: Tensor | None = None) -> list[Tensor]:
        """(B, C, X, Y, Z) -> one map per stage, (B, embed_dim * 2^i, X / 2^(2+i), ...).

        ``more``, (B, embed_dim, X / 4, ...), is added to the embedded patches.
        """
        tokens = self.patch_embed(x, more)
        if self.position_code:
            tokens = tokens + sinusoidal_position(tokens)
        maps = []
        for index, stage in enumerate(self.layers):
            output = stage(tokens)
            maps.append(self.get_submodule(f"norm{index}")(output).movedim(-1, 1).contiguous())
            if index + 1 < len(self.layers):
                tokens = stage.get_submodule("downsample")(output)
        return maps


def mamba_encoder(
    channels_in: int,
    embed_dim: int,
    stages: int,
    *,
    state_size: int = 16,
    convolution_taps: int = 4,
    expansion: int = 2,
    position_code: bool = True,
    scan_backend: str = "auto",
) -> StateSpaceEncoder:
    """MambaMorph's encoder: one Mamba block per stage, whatever depths the published configuration names."""
    modules = []
    for index in range(stages):
        channels = embed_dim * 2**index
        block = Mamba(channels, state_size, convolution_taps, expansion, scan_backend=scan_backend)
        modules.append(_MambaStage(block, PatchMerging(channels) if index + 1 < stages else None))
    return StateSpaceEncoder(channels_in, embed_dim, modules, position_code)


def visual_state_space_encoder(
    channels_in: int,
    embed_dim: int,
    depths: Sequence[int],
    *,
    mode: Mode = "corrected",
    directions: int = 6,
    state_size: int = 16,
    expansion: int = 2,
    position_code: bool = True,
    scan_backend: str = "auto",
) -> StateSpaceEncoder:
    """VMambaMorph's encoder.

    Args:
        channels_in: channels of both images together.
        embed_dim: width of the first stage; doubled by each.
        depths: visual state-space blocks per stage.
        mode: "corrected" uses every block and puts scanned sequences back in place; "reference" repeats the public
            code, faults included (4 directions).
        directions: 6 or 4, in corrected mode.
        state_size: state size of the scans.
        expansion: inner channels per channel.
        position_code: whether the fixed position code is added.
        scan_backend: backend of the selective scan.
    """
    modules: list[nn.Module] = []
    for index, depth in enumerate(depths):
        channels = embed_dim * 2**index
        merging = PatchMerging(channels) if index + 1 < len(depths) else None
        published = mode == "reference"
        blocks = [
            VisualStateSpaceBlock(
                channels,
                state_size,
                expansion,
                directions=4 if published else directions,
                merging="as_published" if published else "exact",
                scan_backend=scan_backend,
            )
            for _ in range(depth)
        ]
        modules.append(_PublishedVisualStage(channels, blocks, merging) if published else _VisualStage(blocks, merging))
    return StateSpaceEncoder(channels_in, embed_dim, modules, position_code)
