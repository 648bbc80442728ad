"""A raw nnU-Net data set of tiny volumes in which a bright box is to be found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

__all__ = ["write_tiny_dataset"]


def write_tiny_dataset(folder: Path, cases: int = 5, shape: tuple[int, int, int] = (17, 26, 21)) -> Path:
    """Write ``cases`` cases (z, y, x) with anisotropic spacing and return the folder."""
    random = np.random.default_rng(0)
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for number in range(cases):
        label = np.zeros(shape, np.uint8)
        z, y, x = random.integers(2, 6, 3)
        label[z : z + 9, y : y + 12, x : x + 10] = 1
        image = (label * 3.0 + random.normal(0, 0.5, shape)).astype(np.float32)
        for array, path in ((image, f"imagesTr/c{number}_0000.nii.gz"), (label, f"labelsTr/c{number}.nii.gz")):
            picture = sitk.GetImageFromArray(array)
            picture.SetSpacing((1.0, 1.2, 1.5))
            sitk.WriteImage(picture, str(folder / path))
    description = {
        "channel_names": {"0": "T1"},
        "labels": {"background": 0, "box": 1},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder
