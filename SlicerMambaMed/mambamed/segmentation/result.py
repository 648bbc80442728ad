"""What a segmentation gives back."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mambamed.segmentation.labels import SegmentationLabel

__all__ = ["SegmentationResult"]


@dataclass(frozen=True)
class SegmentationResult:
    """Label map and what was asked for beside it, all on the grid of the first input image.

    Attributes:
        labelmap: Label values, 0 is background.
        labels: The labels that it may hold.
        probabilities: Label name -> float32 image, or None if not asked for.
        uncertainty: float32 image of the normalised entropy, 0 (certain) to 1, or None if not asked for.
        record: Versions, device, number formats, model and its checksum, settings, durations, warnings.
    """

    labelmap: sitk.Image
    labels: tuple[SegmentationLabel, ...]
    probabilities: dict[str, sitk.Image] | None = field(default=None, repr=False)
    uncertainty: sitk.Image | None = field(default=None, repr=False)
    record: dict[str, Any] = field(default_factory=dict, repr=False)
