"""A detector without learning, for tests of everything around the network: it finds bright rectangles exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from engine.detection.tiny_detectors import detector_card
from mambamed.detection.description import DetectorDescription
from mambamed.detection.description import IntensityNormalisation
from mambamed.detection.model import DetectionModel
from mambamed.detection.networks import DetectorOutput
from mambamed.detection.networks import DetectorSettings
from scipy import ndimage
from torch import Tensor
from torch import nn

NAMES = ("dim", "bright")
_ABSENT = -20.0


class BrightRectangles(nn.Module):
    """Finds each connected bright rectangle by its moments; one darker than 0.75 is ``dim``, else ``bright``.

    The logit is larger for larger objects, so that what a tile cuts has a lower score.

    Attributes:
        shapes: of all batches that were shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> DetectorOutput:
        self.shapes.append(tuple(images.shape))
        priors, logits = [[0.0, 0.0, 4.0, 4.0, 0.0]], [torch.full((len(images), 2, 1), _ABSENT)]
        for number, image in enumerate(images.numpy()):
            pieces, count = ndimage.label(image[0] > 0.25)
            for piece in range(1, count + 1):
                y, x = np.nonzero(pieces == piece)
                centred = np.stack([x - x.mean(), y - y.mean()])
                # A pixel is a square: its own second moment is 1/12.
                moments, axes = np.linalg.eigh(centred @ centred.T / len(x) + np.eye(2) / 12)
                h, w = np.sqrt(12 * moments)
                priors.append([x.mean(), y.mean(), w, h, np.arctan2(axes[1, 1], axes[0, 1])])
                logit = torch.full((len(images), 2, 1), _ABSENT)
                logit[number, int(image[0][pieces == piece].mean() > 0.75)] = 0.5 + len(x) / 500
                logits.append(logit)
        boxes = torch.tensor(np.array(priors), dtype=torch.float32)
        count = len(boxes)
        return DetectorOutput(
            cls_logits=torch.cat(logits, dim=2),
            deltas=torch.zeros(len(images), 5, count),
            priors=boxes,
            dynamic_priors=boxes.expand(len(images), -1, -1),
            levels=torch.zeros(count, dtype=torch.int64),
        )


def scripted_model(network: nn.Module | None = None, channels: int = 1, **description: Any) -> DetectionModel:
    """Return the scripted detector as a loaded model; values 0 to 100 are dark to bright."""
    settings = DetectorSettings(2, backbone="lsknet", image_channels=channels)
    normalisation = description.pop("normalisation", IntensityNormalisation("range", 0, 100))
    described = DetectorDescription(NAMES, settings, normalisation, **description)
    network = network or BrightRectangles()
    return DetectionModel(network, described, detector_card(*NAMES), torch.device("cpu"))  # type: ignore[arg-type]
