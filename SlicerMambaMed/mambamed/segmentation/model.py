"""A trained segmentation model: loaded from a result folder of nnU-Net v2 or U-Mamba, ready to predict."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import torch
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.models.card import ModelCard
from mambamed.models.catalogue import find_model
from mambamed.nn.device import choose_device
from mambamed.segmentation.labels import SegmentationLabel
from mambamed.segmentation.labels import labels_of_dataset
from mambamed.segmentation.model_folder import ModelFolder
from mambamed.segmentation.model_folder import read_model_folder
from mambamed.segmentation.networks import build_network
from mambamed.segmentation.networks import load_network_weights
from mambamed.segmentation.networks import resolve_configuration
from mambamed.segmentation.result import SegmentationResult
from mambamed.segmentation.settings import SegmentationSettings

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["SegmentationModel", "load_model"]


class SegmentationModel:
    """A network with its plans, labels and weights (several sets of weights are an ensemble).

    Attributes:
        folder: Files of the model.
        card: Model card; one is derived for foreign folders.
        network: Network of the first fold, float32, eval mode, on ``device``.
        labels: Label name -> value in the label map, background left out.
        label_table: The same with colour and terminology.
        plans_manager: nnunetv2's view of the plans.
        configuration: nnunetv2's view of the configuration in use.
        label_manager: nnunetv2's label handling.
        device: Where the model computes.
        orientation: Axes that the training data had (``RAS``, ...), or None if that is not known.
    """

    def __init__(
        self,
        folder: ModelFolder,
        card: ModelCard,
        plans_manager: PlansManager,
        configuration: ConfigurationManager,
        network: nn.Module,
        device: torch.device,
    ) -> None:
        self.folder = folder
        self.card = card
        self.plans_manager = plans_manager
        self.configuration = configuration
        self.network = network
        self.device = device
        self.label_manager = plans_manager.get_label_manager(folder.dataset)
        self.label_table: tuple[SegmentationLabel, ...] = labels_of_dataset(
            folder.dataset, [dataclasses.asdict(label) for label in card.labels]
        )
        self.labels: dict[str, int] = {label.name: label.value for label in self.label_table}
        self.orientation = _orientation_of_training(card, folder)

    def predict(
        self, image: sitk.Image | Sequence[sitk.Image], *, reporter: Reporter | None = None, **settings: Any
    ) -> SegmentationResult:
        """Segment an image.

        Args:
            image: 2D or 3D image, or one image per channel in the model's order; further channels are resampled to the
                first one's grid.
            reporter: Hears progress and warnings and is asked whether to stop; None only logs.
            **settings: Fields of ``SegmentationSettings``, such as ``step_size=0.75`` or ``probabilities=True``.

        Returns:
            Label map on the grid of the (first) image, and what else was asked for.

        Raises:
            BadRequestError: The image or the settings do not fit the model.
            JobCancelledError: The reporter asked to stop.

        Example:
            >>> result = load_model("brain-tissue-mr").predict(image, uncertainty=True)
        """
        from mambamed.segmentation.predict import predict

        fixed = {
            "model": self.card.id,
            "device": str(self.device),
            "folds": [fold.fold for fold in self.folder.folds],
            "checkpoint": self.folder.folds[0].path.name,
        }
        # What the model was loaded with is not up for change here; a device or fold given again is overruled.
        chosen = SegmentationSettings.from_json({**settings, **fixed})
        return predict(self, image, chosen, reporter or NullReporter())


def load_model(
    folder: str | os.PathLike[str],
    folds: Sequence[int | str] | int | str | None = None,
    checkpoint: str = "checkpoint_final.pth",
    device: str = "auto",
) -> SegmentationModel:
    """Load a model for prediction; nothing in its files is executed.

    Args:
        folder: Result folder of nnU-Net v2 or U-Mamba, the same as a zip, or the identifier of a bundled model.
        folds: Folds to ensemble, for example ``(0, 1)`` or ``"all"``; None takes all that are there.
        checkpoint: File name in the fold folders; ``.safetensors`` in place of ``.pth`` is found too.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Returns:
        The model.

    Raises:
        BadRequestError: Unreadable folder, missing fold, cascade, weights that do not fit the plans.
        UnsafeFileError: A file that would run code when it is read, or a zip that writes outside its folder.
        DeviceUnavailableError: The device is not there.

    Example:
        >>> model = load_model("nnUNet_results/Dataset701_AbdomenCT/nnUNetTrainerUMambaBot__nnUNetPlans__3d_fullres")
    """
    chosen_device = choose_device(device)
    entry = find_model(folder)
    files = read_model_folder(Path(entry.folder), folds, checkpoint)
    configuration_values = resolve_configuration(files.plans, files.configuration)
    if configuration_values.get("previous_stage"):
        raise BadRequestError(
            f"The configuration {files.configuration} is the second stage of a cascade and needs the result of "
            f"{configuration_values['previous_stage']} as input; choose a model of the configuration 3d_fullres or 2d."
        )
    with warnings.catch_warnings():
        # nnunetv2 warns about plans of its older format; converting them is the purpose here.
        warnings.simplefilter("ignore")
        plans_manager = PlansManager(files.plans)
        configuration = plans_manager.get_configuration(files.configuration)
        with _readable_plans(files):
            input_channels = determine_num_input_channels(plans_manager, configuration, files.dataset)
            classes = plans_manager.get_label_manager(files.dataset).num_segmentation_heads
    network = build_network(files.trainer_name, configuration_values, input_channels, classes, deep_supervision=False)
    for fold in reversed(files.folds):
        # Each fold is tried now, so that a wrong file is found before the work begins; the first one stays.
        load_network_weights(network, fold.state)
    network = network.eval().requires_grad_(False).to(chosen_device)
    return SegmentationModel(files, entry.card, plans_manager, configuration, network, chosen_device)


@contextlib.contextmanager
def _readable_plans(files: ModelFolder) -> Any:
    """Turn what nnunetv2 raises about wrong plans or labels into a sentence."""
    try:
        yield
    except (AssertionError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise BadRequestError(
            f"The plans or labels of the model {files.path} are not what nnU-Net v2 writes ({error}); "
            "copy the model again."
        ) from error


def _orientation_of_training(card: ModelCard, folder: ModelFolder) -> str | None:
    """Axes that the network saw in training: from the card, the data set description, or the reader in the plans."""
    stated = card.orientation or folder.dataset.get("orientation")
    if stated:
        return str(stated).upper()
    # nnunetv2's reorienting readers turn every image to RAS before training.
    if str(folder.plans.get("image_reader_writer", "")).endswith("WithReorient"):
        return "RAS"
    return None
