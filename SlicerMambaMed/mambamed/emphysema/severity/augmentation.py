"""Random changes of a scan in training: turns, mirrors, bends (monai), noise, faded vessels, healed lungs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.transforms import Compose
from monai.transforms import Rand3DElasticd
from monai.transforms import RandAffined
from monai.transforms import RandFlipd
from torch import Tensor

from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings

__all__ = ["Augmentation"]

_KEYS = ("values", "mask")
_MODES = ("bilinear", "nearest")
_TURNED_SHARE = 0.3


class Augmentation:
    """Callable on one scan's values and mask (1, z, y, x).

    Args:
        settings: How much.
        seed: Of all draws.
    """

    def __init__(self, settings: SeverityTrainingSettings, seed: int) -> None:
        radians = np.deg2rad(settings.rotation_degrees)
        steps: list[Any] = [RandFlipd(_KEYS, prob=0.5, spatial_axis=2)] if settings.flips else []
        if radians > 0.0:
            steps.append(
                RandAffined(
                    _KEYS,
                    prob=_TURNED_SHARE,
                    rotate_range=(radians,) * 3,
                    scale_range=(0.08,) * 3,
                    mode=_MODES,
                    padding_mode="zeros",
                )
            )
        if settings.elastic_share > 0.0:
            steps.append(
                Rand3DElasticd(
                    _KEYS,
                    sigma_range=(5.0, 7.0),
                    magnitude_range=(40.0, 120.0),
                    prob=settings.elastic_share,
                    mode=_MODES,
                    padding_mode="zeros",
                )
            )
        self._geometry = Compose(steps).set_random_state(seed)
        low, high = settings.window_hu
        self._noise = 2.0 * settings.noise_hu / (high - low)
        self._faded_share = settings.faded_share
        self._healed_share = settings.healed_share
        self._random = torch.Generator().manual_seed(seed)

    def __call__(self, values: Tensor, mask: Tensor, target: int) -> tuple[Tensor, Tensor, int]:
        """Return changed values, mask and class; outside the mask the values are 0.

        Args:
            values: -1 to 1 in the lungs, 0 is healthy tissue.
            mask: 1 in the lungs.
            target: Class index; a healed scan is of class 0.
        """
        changed = self._geometry({"values": values, "mask": mask})
        values, mask = torch.as_tensor(changed["values"]), (torch.as_tensor(changed["mask"]) > 0.5).to(values)
        fade, factor, heal = torch.rand(3, generator=self._random).tolist()
        if fade < self._faded_share:
            values = torch.where(values > 0.0, factor * values, values)
        if heal < self._healed_share:
            values, target = values.clamp(min=0.0), 0
        level = self._noise * float(torch.rand((), generator=self._random))
        values = values + level * torch.randn(values.shape, generator=self._random)
        return values.clamp(-1.0, 1.0) * mask, mask, target
