"""A small registration network fitted in seconds to one known deformation, in a real model folder."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk
import torch
from engine.registration.deformed import smooth_field
from engine.registration.structured import structured_image
from mambamed.jobs.reporter import NullReporter
from mambamed.models.card import CardInput
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.registration.inversion import displacement_on
from mambamed.registration.networks import build
from mambamed.registration.networks.description import NetworkDescription
from mambamed.registration.networks.model import normalise_intensity
from mambamed.registration.networks.model import save_network
from mambamed.registration.one_pass.grid import fixed_on_grid
from mambamed.registration.one_pass.grid import moving_on_grid
from mambamed.registration.one_pass.grid import network_grid
from mambamed.registration.pair import prepare_pair
from mambamed.registration.settings import RegistrationSettings

SHAPE = (16, 32, 16)
SPACING_MM = 4.0


def known_pair() -> tuple[sitk.Image, sitk.Image, sitk.DisplacementFieldTransform]:
    """Fixed and moving volume and the field fixed -> moving; sizes and structure that the network's grid resolves."""
    moving = structured_image(11, (30, 50, 28), detail=4.0)
    truth = smooth_field(moving, 7.0, seed=3, sigma=7.0)
    return sitk.Resample(moving, moving, truth, sitk.sitkLinear, 0.0), moving, truth


def model_card(identifier: str = "fitted", **changes: object) -> ModelCard:
    """The card of a network for tests."""
    card = ModelCard(
        id=identifier,
        version="0.1.0",
        title="Fitted to one pair",
        task="registration",
        modality="MR",
        inputs=(CardInput("fixed", "Fixed"), CardInput("moving", "Moving")),
        network="VoxelMorph",
        weights=(CardWeights("weights.safetensors"),),
        training_data="One made-up pair.",
        licence="Apache-2.0",
        intended_use="Tests",
        demonstration_only=True,
    )
    return card.replace(**changes)


def shifting_model(folder: Path, shift_voxels: tuple[float, float, float], **settings: object) -> Path:
    """A model whose network predicts the same shift everywhere, whatever it sees."""
    description = NetworkDescription(
        "voxelmorph", arguments={"downsize": 1, **settings}, grid_shape=SHAPE, spacing_mm=SPACING_MM
    )
    network = build("voxelmorph", **description.build_arguments)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.flow.bias.copy_(torch.tensor(shift_voxels))
    save_network(folder, network, description, model_card("shifting"))
    return folder


def fitted_model(folder: Path) -> Path:
    """Fit the last convolution of a random VoxelMorph to the known pair, by least squares; write the model folder."""
    torch.manual_seed(0)
    arguments = {"encoder_channels": [16, 16, 16], "decoder_channels": [16, 16, 24, 24], "integration_steps": 4}
    description = NetworkDescription("voxelmorph", arguments=arguments, grid_shape=SHAPE, spacing_mm=SPACING_MM)
    network = build("voxelmorph", **description.build_arguments).eval()
    fixed, moving, truth = known_pair()
    settings = RegistrationSettings(method="network:x", transform="deformable", initial="header")
    pair = prepare_pair(fixed, moving, settings, NullReporter())
    grid = network_grid(pair, description)
    target, source = (
        normalise_intensity(torch.where(inside > 0, values, values[inside > 0].min()), description)
        for values, inside in (fixed_on_grid(pair, grid), moving_on_grid(pair, sitk.Transform(), grid))
    )
    # The field is smooth: its velocity is nearly itself.
    wanted = displacement_on(truth, grid)[0].flatten(1).T / SPACING_MM
    with torch.no_grad():
        features = torch.nn.functional.pad(network.unet_model(torch.cat((source, target), dim=1)), (1,) * 6)
        patches = features.unfold(2, 3, 1).unfold(3, 3, 1).unfold(4, 3, 1)
        design = patches[0].permute(1, 2, 3, 0, 4, 5, 6).reshape(len(wanted), -1).double()
        ridge = 1e-4 * design.square().mean() * len(design) * torch.eye(design.shape[1], dtype=torch.float64)
        weights = torch.linalg.solve(design.T @ design + ridge, design.T @ wanted)
        network.flow.weight.copy_(weights.T.reshape(network.flow.weight.shape))
    save_network(folder, network, description, model_card())
    return folder
