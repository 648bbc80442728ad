"""TransMorph's encoder, reduced to three stages as in VMambaMorph's comparison."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch import nn

from mambamed.registration.networks.patches import PatchEmbedding
from mambamed.registration.networks.patches import PatchMerging
from mambamed.registration.networks.window_attention import SwinBlock

__all__ = ["SwinEncoder"]


class _SwinStage(nn.Module):
    def __init__(self, blocks: Sequence[SwinBlock], merging: PatchMerging | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = merging

    def forward(self, tokens: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class SwinEncoder(nn.Module):
    """Patch embedding, stages of Swin blocks (every second one shifted), patch merging, LayerNorm of every output.

    Args:
        channels_in: channels of both images together.
        embed_dim: width of the first stage; doubled by each.
        depths: blocks per stage.
        heads: attention heads per stage.
        window: window size along the three axes.
        expansion: hidden width of the perceptrons per channel.
        projection_bias: whether query, key and value have a bias.
        drop_path: largest probability of leaving out a branch in training, growing linearly with depth.
    """

    def __init__(
        self,
        channels_in: int,
        embed_dim: int,
        depths: Sequence[int] = (2, 2, 4),
        heads: Sequence[int] = (4, 4, 8),
        window: Sequence[int] = (5, 6, 7),
        expansion: float = 4.0,
        projection_bias: bool = False,
        drop_path: float = 0.3,
    ) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(channels_in, embed_dim)
        rates = [drop_path * block / max(sum(depths) - 1, 1) for block in range(sum(depths))]
        stages = []
        for index, depth in enumerate(depths):
            channels = embed_dim * 2**index
            first = sum(depths[:index])
            blocks = [
                SwinBlock(
                    channels,
                    heads[index],
                    window,
                    shifted=number % 2 == 1,
                    expansion=expansion,
                    projection_bias=projection_bias,
                    drop_path=rates[first + number],
                )
                for number in range(depth)
            ]
            stages.append(_SwinStage(blocks, PatchMerging(channels) if index + 1 < len(depths) else None))
            self.add_module(f"norm{index}", nn.LayerNorm(channels))
        self.layers = nn.ModuleList(stages)

    def forward(self, x: Tensor, more: Tensor | None = None) -> list[Tensor]:
        """(B, C, X, Y, Z) -> one map per stage, (B, embed_dim * 2^i, X / 2^(2+i), ...).

        ``more``, (B, embed_dim, X / 4, ...), is added to the embedded patches.
        """
        tokens = self.patch_embed(x, more)
        maps = []
        for index, stage in enumerate(self.layers):
            output = stage(tokens)
            maps.append(self.get_submodule(f"norm{index}")(output).movedim(-1, 1).contiguous())
            if index + 1 < len(self.layers):
                tokens = stage.get_submodule("downsample")(output)
        return maps
