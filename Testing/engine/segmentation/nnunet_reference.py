"""The same image through nnunetv2's own predictor, as the truth in tests."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from mambamed.segmentation.model import SegmentationModel
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

__all__ = ["predict_with_nnunet"]


def predict_with_nnunet(
    model: SegmentationModel, image_files: list[Path], mirroring: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Predict with ``nnUNetPredictor``: the network's weights are shared, everything else is nnunetv2's.

    Returns:
        Segmentation (z, y, x) and probabilities (classes, z, y, x), as nnunetv2 gives them.
    """
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictor = nnUNetPredictor(use_mirroring=mirroring, device=torch.device("cpu"), allow_tqdm=False)
        predictor.manual_initialization(
            model.network,
            model.plans_manager,
            model.configuration,
            [fold.state for fold in model.folder.folds],
            model.folder.dataset,
            model.folder.trainer_name,
            model.folder.folds[0].mirroring_axes,
        )
        reader = model.plans_manager.image_reader_writer_class()
        data, properties = reader.read_images([str(path) for path in image_files])
        _load_without_deep_supervision(predictor, model)
        segmentation, probabilities = predictor.predict_single_npy_array(
            data, properties, save_or_return_probabilities=True
        )
    return np.asarray(segmentation), np.asarray(probabilities)


def _load_without_deep_supervision(predictor: nnUNetPredictor, model: SegmentationModel) -> None:
    """Let ``load_state_dict`` take the folds: the same names as in the network, nothing else."""
    names = set(model.network.state_dict())
    predictor.list_of_parameters = [
        {name: value for name, value in state.items() if name in names} for state in predictor.list_of_parameters
    ]


def write_channels(folder: Path, images: list[sitk.Image], **_: Any) -> list[Path]:
    paths = [folder / f"case_{number:04d}.nii.gz" for number in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        sitk.WriteImage(image, str(path))
    return paths
