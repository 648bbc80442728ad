"""Train a registration network: pairs, network, fit, the columns of Table 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.nn.device import choose_device
from mambamed.nn.precision import choose_precision
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.description import NetworkDescription
from mambamed.registration.networks.factory import build
from mambamed.registration.networks.model import load_network
from mambamed.registration.networks.training.learner import RegistrationLearner
from mambamed.registration.networks.training.pairs import pair_loader
from mambamed.registration.networks.training.sources import pair_source
from mambamed.registration.networks.training.validation import table_line
from mambamed.registration.networks.training.validation import validate_network
from mambamed.training.distributed_launch import train_together
from mambamed.training.fitting import FitOptions
from mambamed.training.fitting import fit
from mambamed.training.process_group import device_of_rank
from mambamed.training.seeds import derived_seed
from mambamed.training.seeds import seed_everything

__all__ = ["describe_network", "first_network", "train_alone_or_together", "train_network"]

_WEIGHTS_DRAW = 7
_WORKER = "mambamed.registration.networks.training.worker"


def train_alone_or_together(
    settings: NetworkTrainingSettings, work: Path, reporter: Reporter, resume: bool = False
) -> tuple[nn.Module, dict[str, Any]]:
    """Train in this process, or start several that train together (``training_processes``, ``nodes``).

    Arguments, result and errors as for ``train_network``.
    """
    if settings.training_processes * settings.nodes == 1:
        return train_network(settings, work, reporter, resume)
    pair_source(settings, work, reporter)  # what must be made first is made once
    order = {"settings": settings.to_json(), "resume": resume}
    done = train_together(_WORKER, order, work, settings.training_processes, settings.nodes, reporter)
    network = first_network(settings)
    network.load_state_dict(load_file(done["weights"]))
    return network.eval(), dict(done["table"])


def train_network(
    settings: NetworkTrainingSettings, work: Path, reporter: Reporter | None = None, resume: bool = False
) -> tuple[nn.Module, dict[str, Any]]:
    """Train a network and measure it on the validation pairs.

    Args:
        settings: what, on what, how.
        work: folder for what is prepared and for checkpoints; a resumed training finds them there.
        reporter: hears progress and curves; may cancel.
        resume: go on from the last checkpoint in ``work``.

    Returns:
        The network on the CPU in eval mode, and the table (see ``validate_network``).

    Raises:
        BadRequestError: data or settings that cannot be used.
        JobCancelledError: cancelled or stopped; the last checkpoint stays.
        MambaMedError: the loss is no longer a number.
    """
    reporter = reporter or NullReporter()
    device = device_of_rank(choose_device(settings.device))
    precision = choose_precision(settings.precision, device)
    if settings.threads and device.type == "cpu":
        torch.set_num_threads(settings.threads)
    reporter.log(f"Training {settings.architecture} on {device}: {precision.describe()}.")
    source = pair_source(settings, work, reporter)
    network = first_network(settings)
    learner = RegistrationLearner(network, settings)
    options = FitOptions(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        scheduler=settings.scheduler,
        minutes=settings.time_limit_minutes,
        device=device,
        precision="float32" if precision.name == "float32" else "bfloat16",
        gradient_clip=settings.gradient_clip,
        # The read-out head, and what the published VMambaMorph leaves unused.
        unused_parameters=True,
    )
    fit(
        learner,
        pair_loader(source, settings.iterations, settings.seed, settings.loader_processes),
        pair_loader(source, None),
        options,
        reporter,
        work / "checkpoints",
        resume,
    )
    table = validate_network(network, source, device, reporter)
    reporter.log(table_line(table))
    return network.cpu().eval(), table


def first_network(settings: NetworkTrainingSettings) -> nn.Module:
    """Build the network with weights drawn from the seed, or those of the initial model.

    Raises:
        BadRequestError: the initial model is another network.
    """
    seed_everything(derived_seed(settings.seed, _WEIGHTS_DRAW))
    description = describe_network(settings)
    network = build(description.architecture, **description.build_arguments)
    if settings.initial_model:
        model = load_network(settings.initial_model, "cpu")
        if model.description.build_arguments != description.build_arguments:
            raise BadRequestError(
                f"The initial model {model.card.id} was built with {model.description.build_arguments}, the training "
                f"asks for {description.build_arguments}; give the same settings."
            )
        network.load_state_dict(model.network.state_dict())
    return network


def describe_network(settings: NetworkTrainingSettings) -> NetworkDescription:
    """Describe the network that these settings train, as its model folder does."""
    arguments = dict(settings.arguments)
    mode = arguments.pop("mode", "corrected" if settings.architecture.startswith("vmambamorph") else "reference")
    return NetworkDescription(
        settings.architecture,
        mode=str(mode),
        arguments=arguments,
        grid_shape=settings.grid_shape,
        spacing_mm=settings.spacing_mm,
        middle_below_top_mm=settings.middle_below_top_mm,
    )
