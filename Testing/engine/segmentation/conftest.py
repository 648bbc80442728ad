"""A tiny network that has really learned something, shared by the tests of prediction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from engine.segmentation.small_models import make_dataset
from engine.segmentation.small_models import make_plans
from engine.segmentation.small_models import write_model
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.segmentation.networks import build_network
from torch.nn import functional as F

STEPS = 100
RARE_COUNT_MORE = torch.tensor([0.5, 1.0, 4.0, 16.0])
PATCH = (20, 28, 24)
SPACING_MM = (1.9, 1.3, 1.4)


@pytest.fixture(scope="session")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result folder of a small 3D network trained for a few seconds on the ellipsoid phantom (axes LPS)."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    plans, configuration = make_plans(patch_size=PATCH, spacing=SPACING_MM, normalization="CTNormalization")
    dataset = make_dataset(orientation="LPS")
    network = build_network("plans", plans["configurations"][configuration], 1, 4, deep_supervision=True).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-2)
    properties = plans["foreground_intensity_properties_per_channel"]["0"]
    for step in range(STEPS):
        image, labels = ellipsoid_phantom(
            size=(29, 30, 26), spacing_mm=SPACING_MM[::-1], seed=step % 7, noise=12.0 + 3 * (step % 7)
        )
        data = np.clip(sitk.GetArrayFromImage(image), properties["percentile_00_5"], properties["percentile_99_5"])
        data = (data - properties["mean"]) / properties["std"]
        start = [int(generator.integers(0, length - size + 1)) for length, size in zip(data.shape, PATCH, strict=True)]
        crop = tuple(slice(first, first + size) for first, size in zip(start, PATCH, strict=True))
        window = torch.from_numpy(data[crop][None, None].astype(np.float32))
        target = torch.from_numpy(sitk.GetArrayFromImage(labels)[crop][None].astype(np.int64))
        loss = F.cross_entropy(network(window)[0], target, weight=RARE_COUNT_MORE)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    folder = write_model(tmp_path_factory.mktemp("trained"), plans, configuration, dataset)
    path = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "network_weights": network.state_dict()}, path)
    assert json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["orientation"] == "LPS"
    return folder
