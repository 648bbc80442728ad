"""From a picture's values to the network's: channels, range, mean and deviation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from mambamed.detection.description import DetectorDescription
from mambamed.detection.description import IntensityNormalisation
from mambamed.detection.slice_views import SliceViews
from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import Reporter

__all__ = ["Intensities", "choose_intensities", "network_channels"]

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of red, green, blue: ITU-R BT.601
_SAMPLES = 1_000_000
_SUSPICIOUS_SHARE = 0.5


@dataclass(frozen=True)
class Intensities:
    """A normalisation whose ``low`` and ``high`` are values of the picture, for a number of channels."""

    normalisation: IntensityNormalisation
    channels: int

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return (channels, y, x) float32 of a picture's part (y, x, values per pixel)."""
        values = network_channels(picture, self.channels)
        low, high = self.normalisation.low, self.normalisation.high
        values = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
        mean = np.asarray(self.normalisation.mean, dtype=np.float32)
        deviation = np.asarray(self.normalisation.deviation, dtype=np.float32)
        return np.ascontiguousarray(((values - mean) / deviation).transpose(2, 0, 1))


def network_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """Return a picture (y, x, values) as float32 (y, x, channels).

    Grey is repeated, colour becomes grey by its luminance, opacity (a fourth value) is left out.

    Raises:
        BadRequestError: the picture's values per pixel cannot be brought to the network's channels.
    """
    found = picture.shape[-1]
    if found == channels:
        return picture.astype(np.float32)
    if found == 1:
        return np.repeat(picture.astype(np.float32), channels, axis=-1)
    if channels == 1 and found in (3, 4):
        return (picture[..., :3].astype(np.float32) @ _LUMINANCE)[..., None]
    if channels == 3 and found == 4:
        return picture[..., :3].astype(np.float32)
    raise BadRequestError(
        f"The image has {found} values per pixel and the model takes {channels}; give a grey image (1) or colour "
        "(3, or 4 with opacity)."
    )


def choose_intensities(
    description: DetectorDescription,
    views: SliceViews,
    intensity_range: Sequence[float] | None,
    reporter: Reporter,
) -> Intensities:
    """Return the normalisation for these pictures; warn where it would show the network next to nothing.

    Args:
        description: the model's.
        views: the pictures.
        intensity_range: values that become the darkest and the brightest, in place of the model's rule.
        reporter: hears the warning.
    """
    channels = description.network.image_channels
    network_channels(views.array[:1, :1, :1].reshape(1, 1, -1), channels)  # refuses what cannot be shown, at once
    sample = network_channels(_sample(views), channels)
    normalisation = description.normalisation
    if intensity_range is not None:
        low, high = (float(value) for value in intensity_range)
        normalisation = replace(normalisation, rule="range", low=low, high=high)
    if normalisation.rule == "percentiles":
        low, high = (float(value) for value in np.percentile(sample, [normalisation.low, normalisation.high]))
        if not low < high:
            low, high = float(sample.min()), float(sample.max())
        high = high if low < high else low + 1.0
        return Intensities(replace(normalisation, rule="range", low=low, high=high), channels)
    outside = float(((sample < normalisation.low) | (sample > normalisation.high)).mean())
    spread = float(sample.max() - sample.min()) / (normalisation.high - normalisation.low)
    if outside > _SUSPICIOUS_SHARE or spread < 0.02:
        reporter.warning(
            f"The image's values go from {sample.min():g} to {sample.max():g}, but the model reads "
            f"{normalisation.low:g} (darkest) to {normalisation.high:g} (brightest); set the intensity range so that "
            "it sees what you see."
        )
    return Intensities(normalisation, channels)


def _sample(views: SliceViews) -> np.ndarray:
    """Return at most about a million pixels of the slices that are looked at, (1, N, values)."""
    columns, rows = views.size
    step = max(1, int(np.ceil((columns * rows * len(views.slices) / _SAMPLES) ** 0.5)))
    slices = views.slices[:: max(1, len(views.slices) // 256)]
    picked = [views.view(number)[step // 2 :: step, step // 2 :: step] for number in slices]
    return np.concatenate([part.reshape(1, -1, part.shape[-1]) for part in picked], axis=1)
