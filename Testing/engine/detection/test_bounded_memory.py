"""Large pictures are read, shown and forgotten a batch of tiles at a time."""

from __future__ import annotations

import tracemalloc
import weakref

import numpy as np
import SimpleITK as sitk
from engine.detection.scripted_detector import BrightRectangles
from engine.detection.scripted_detector import scripted_model
from mambamed.detection.predict import predict
from mambamed.detection.settings import DetectionSettings
from torch import Tensor


class Counting(BrightRectangles):
    """Counts the batches that are alive at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[weakref.ref[Tensor]] = []
        self.most_alive = 0

    def forward(self, images):
        self.alive = [reference for reference in self.alive if reference() is not None] + [weakref.ref(images)]
        self.most_alive = max(self.most_alive, len(self.alive))
        return super().forward(images)


def test_memory_does_not_grow_with_the_picture() -> None:
    peaks = {}
    for rows in (600, 3000):
        values = np.zeros((rows, 1500), dtype=np.uint8)
        values[100:110, 200:230] = 100
        values[rows - 50 : rows - 40, 1300:1330] = 100
        image = sitk.GetImageFromArray(values)
        del values
        network = Counting()
        settings = DetectionSettings(tile_size_px=512, tile_overlap_px=64)
        if not peaks:
            predict(scripted_model(), image, settings)  # what is kept once and for all does not count
        tracemalloc.start()
        result = predict(scripted_model(network), image, settings)
        peaks[rows] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(result.boxes) == 2
        assert network.most_alive == 1
        assert set(network.shapes) == {(1, 1, 512, 512)}
    as_float32 = 3000 * 1500 * 4
    assert peaks[3000] < 0.8 * as_float32
    # The sample from which the range is judged is limited to about a million pixels; tiles are of one size.
    assert peaks[3000] < peaks[600] + 10_000_000
