"""ResNet-18, -50, -101 and -152 (He et al., CVPR 2016), MONAI's, as backbones of a detector."""

from __future__ import annotations

from pathlib import Path

from monai.networks.nets.resnet import ResNet
from torch import Tensor
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.models import load_weights

__all__ = ["ResNetBackbone"]

_BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_BOTTLENECKS_FROM = 50  # the shallower ones have basic blocks
_EXPANSION = 4  # of the bottleneck block


class ResNetBackbone(nn.Module):
    """A ResNet that gives its stages C3 to C5, strides 8, 16 and 32 (or half of each).

    Attributes:
        channels: of C3, C4 and C5.
        frozen: whether the stem and the first stage have no gradient and batch normalisation keeps its statistics.
    """

    def __init__(self, depth: int, width: float = 1.0, image_channels: int = 3, first_stride: int = 2) -> None:
        """Make the network with random weights.

        Args:
            depth: 18, 50, 101 or 152.
            width: factor on the channels, rounded to multiples of 8.
            image_channels: channels of the image.
            first_stride: of the first convolution, 2 (published) or 1.
        """
        super().__init__()
        planes = [max(8, 8 * round(width * count / 8)) for count in (64, 128, 256, 512)]
        bottleneck = depth >= _BOTTLENECKS_FROM
        self.network = ResNet(
            "bottleneck" if bottleneck else "basic",
            list(_BLOCKS[depth]),
            planes,
            spatial_dims=2,
            n_input_channels=image_channels,
            conv1_t_stride=first_stride,
            feed_forward=False,
            bias_downsample=False,
        )
        self.channels = tuple((_EXPANSION if bottleneck else 1) * count for count in planes[1:])
        self.frozen = False

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return C3, C4 and C5 of images (N, channels, H, W)."""
        network = self.network
        features = network.layer1(network.maxpool(network.act(network.bn1(network.conv1(images)))))
        c3 = network.layer2(features)
        c4 = network.layer3(c3)
        return [c3, c4, network.layer4(c4)]

    def load_imagenet_weights(self, path: str | Path) -> None:
        """Take the weights of a trained classifier, and keep what the detector is not to change as it is.

        Args:
            path: file of weights in the usual names; the classifier's last layer is left out.

        Raises:
            BadRequestError: the file is of another network.
        """
        weights = {name: value for name, value in load_weights(Path(path)).items() if not name.startswith("fc.")}
        # Older files lack the counter of seen batches, which evaluation does not use.
        own = self.network.state_dict()
        optional = {name for name in own if name.endswith("num_batches_tracked")}
        missing = sorted(set(own) - set(weights) - optional)
        other = sorted(name for name in weights if name not in own or weights[name].shape != own[name].shape)
        if missing or other:
            raise BadRequestError(
                f"The weights {path} do not fit the backbone: {len(missing)} are missing and {len(other)} are others "
                f"(first: {(missing + other)[0]}); give the weights of this ResNet (of width 1, if published)."
            )
        self.network.load_state_dict(weights, strict=False)
        self.freeze()

    def freeze(self) -> None:
        """Keep the stem, the first stage and the statistics of every batch normalisation from here on."""
        self.frozen = True
        for module in (self.network.conv1, self.network.bn1, self.network.layer1):
            module.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> ResNetBackbone:
        """Set the mode, but leave batch normalisation in evaluation when frozen."""
        super().train(mode)
        if self.frozen:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self
