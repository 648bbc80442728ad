"""What a severity model is: its classes, what it sees of a CT, its network. Standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["CLASS_SETS", "HEADS", "HEALTHY_CLASSES", "SeverityConfiguration"]

CLASS_SETS = {
    "paper": ("mild", "moderate", "severe"),
    "four": ("none", "mild", "moderate", "severe"),
    "fleischner": ("absent", "trace", "mild", "moderate", "confluent", "advanced destructive"),
}
"""Classes in order of severity. ``paper`` has no class for healthy lungs; ``four`` adds it; ``fleischner`` has the
grades of the Fleischner Society's statement for centrilobular emphysema (Lynch et al., Radiology 277, 2015)."""

HEADS = ("categorical", "ordinal", "both")
HEALTHY_CLASSES = ("none", "absent")
"""Names of a first class that means no emphysema."""

_KERNELS = (1, 3, 5, 7)
_USUAL_KERNEL = 3


@dataclass(frozen=True)
class SeverityConfiguration:
    """Preprocessing and network of a severity model; stored with the weights.

    Attributes:
        classes: Names in order of severity.
        spacing_mm: Voxel size that the network sees, the same along all axes.
        size: Voxels (z, y, x) that the network sees, around the lungs; larger lungs are seen with larger voxels.
        window_hu: Values below and above are clipped; then they become -1 to 1.
        channels: Feature maps of each convolution stage (convolution, batch norm, ReLU).
        pool: Whether a max-pooling by 2 follows each stage; as many as stages.
        kernel_sizes: Width of each stage's convolution in voxels, odd; none given are 3. Narrow ones let a cell of the
            last maps see little beyond itself, so that attention and Grad-CAM point nearer to what was seen.
        attention_channels: Hidden width of the attention's scoring convolution.
        hidden: Width of the fully connected layer.
        dropout: Share of its inputs that are dropped in training.
        head: ``categorical`` (softmax), ``ordinal`` (cumulative logits) or ``both`` (the mean of their probabilities).
    """

    classes: tuple[str, ...] = CLASS_SETS["four"]
    spacing_mm: float = 4.0
    size: tuple[int, int, int] = (72, 52, 76)
    window_hu: tuple[float, float] = (-1024.0, -700.0)
    channels: tuple[int, ...] = (6, 12, 16)
    pool: tuple[bool, ...] = (True, False, False)
    kernel_sizes: tuple[int, ...] = ()
    attention_channels: int = 16
    hidden: int = 32
    dropout: float = 0.1
    head: str = "both"

    def __post_init__(self) -> None:
        """Refuse what is no model.

        Raises:
            BadRequestError: With what is wrong.
        """
        for name in ("classes", "size", "window_hu", "channels", "pool", "kernel_sizes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.kernel_sizes:
            object.__setattr__(self, "kernel_sizes", (_USUAL_KERNEL,) * len(self.channels))
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise BadRequestError(f"The classes are {self.classes}; expected two or more different names.")
        if self.head not in HEADS:
            raise BadRequestError(f"The head is {self.head!r}; expected one of: {', '.join(HEADS)}.")
        if len(self.pool) != len(self.channels) or not self.channels or min(self.channels) < 1:
            raise BadRequestError(
                f"There are {len(self.channels)} stages and {len(self.pool)} pooling choices; expected as many of each."
            )
        if len(self.kernel_sizes) != len(self.channels) or any(width not in _KERNELS for width in self.kernel_sizes):
            raise BadRequestError(
                f"The kernel sizes are {self.kernel_sizes}; expected {', '.join(map(str, _KERNELS))} as the width of "
                f"each of the {len(self.channels)} stages."
            )
        factor = 2 ** sum(self.pool)
        if len(self.size) != 3 or min(self.size) < factor or any(length % factor for length in self.size):
            raise BadRequestError(f"The size is {self.size}; expected three multiples of {factor} (the pooling).")
        if not 0.5 <= self.spacing_mm <= 20.0 or self.window_hu[0] >= self.window_hu[1]:
            raise BadRequestError(
                f"The spacing is {self.spacing_mm} mm and the window {self.window_hu} HU; expected 0.5 to 20 mm and a "
                "lower and a higher value."
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SeverityConfiguration:
        """Read what ``to_json`` gave.

        Raises:
            BadRequestError: Unknown names or values of another kind.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise BadRequestError(f"Unknown values of a severity model: {', '.join(unknown)}.")
        try:
            return cls(**values)
        except TypeError as error:
            raise BadRequestError(f"A value of the severity model has the wrong type ({error}).") from error
