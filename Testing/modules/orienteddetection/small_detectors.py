"""Detectors for tests of what surrounds a detection: tiny, with random weights, and generous with what they find."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_generous_detector"]


def write_generous_detector(folder: Path, names: tuple[str, ...] = ("nodule", "vessel"), score: float = 0.5) -> Path:
    """Write a detector whose boxes have scores around ``score``, wherever they are, and return its folder."""
    import math

    import torch
    from engine.detection.tiny_detectors import detector_card
    from mambamed.detection.description import DetectorDescription
    from mambamed.detection.description import IntensityNormalisation
    from mambamed.detection.model import save_detector
    from mambamed.detection.networks import DetectorSettings
    from mambamed.detection.networks import build_detector

    settings = DetectorSettings(len(names), backbone="lsknet", width=0.125, feature_channels=8, image_channels=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = build_detector(settings)
        # Where the last layer is not told to expect mostly background, its scores spread around the one wanted.
        torch.nn.init.constant_(network.head.classes.bias, math.log(score / (1 - score)))
    normalisation = IntensityNormalisation("range", 0, 255)
    description = DetectorDescription(names, settings, normalisation, tile_size_px=64, tile_overlap_px=16)
    save_detector(folder, network, description, detector_card(*names))
    return folder
