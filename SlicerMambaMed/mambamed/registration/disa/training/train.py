"""Train the DISA network on synthetic scenes: one step compares hundreds of positions, all with all.

The network runs once over every crop; the targets of all pairs are one matrix product (``lc2_all_pairs``). The scenes
of a step depend on the seed and the number of the step alone, so a resumed training continues the same curve.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter import stop_requested
from mambamed.nn.device import choose_device
from mambamed.nn.precision import Precision
from mambamed.nn.precision import choose_precision
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.training.batches import Batch
from mambamed.registration.disa.training.batches import batches
from mambamed.registration.disa.training.batches import draw_batch
from mambamed.registration.disa.training.pair_loss import pair_loss
from mambamed.registration.disa.training.positions import gather_features
from mambamed.registration.disa.training.schedule import learning_rate_factor
from mambamed.registration.disa.training.schedule import offset_weight
from mambamed.registration.disa.training.state import TrainingState
from mambamed.registration.disa.training.state import new_state
from mambamed.registration.disa_training_settings import DISATrainingSettings
from mambamed.training.schedule import TrainingClock

__all__ = ["CHECKPOINT", "train_disa", "training_step"]

CHECKPOINT = "checkpoint.pt"

_FIRST_SCENES = 8


def train_disa(
    settings: DISATrainingSettings, work: Path, reporter: Reporter | None = None, resume: bool = False
) -> DISANet:
    """Train and return the network with the averaged weights, on the CPU, in eval mode.

    Args:
        settings: how to train.
        work: existing folder for the checkpoint.
        reporter: hears progress and the metrics ``loss``, ``explained_variance`` and ``learning_rate``, and may cancel.
        resume: go on from the checkpoint in ``work`` if there is one.

    Raises:
        JobCancelledError: cancelled, the last checkpoint stays; or stopped, with a checkpoint of this very step.
        BadRequestError: the initial weights are not those of a DISA network.
        MambaMedError: the loss is no longer a number.
    """
    reporter = reporter or NullReporter()
    device = choose_device(settings.device)
    if settings.threads and device.type == "cpu":
        torch.set_num_threads(settings.threads)
    precision = choose_precision(settings.precision, device)
    checkpoint = work / CHECKPOINT
    goes_on = resume and checkpoint.is_file()
    # A resumed training does not need the weights that it began with, which may be gone.
    beginning = replace(settings, scenes=_FIRST_SCENES, initial_weights="" if goes_on else settings.initial_weights)
    state = new_state(beginning, draw_batch(beginning, 0, device))
    if goes_on:
        state.load(checkpoint)
        reporter.log(f"Going on after step {state.step}.")
    reporter.log(f"Training the DISA network on {device}: {precision.describe()}.")
    first_offset_weight = 1.0 if settings.initial_weights else settings.offset_weight
    clock = TrainingClock(settings.steps, settings.time_limit_minutes, settings.warm_up_steps, done=state.step)
    product_dtype = None if precision.name == "float32" else precision.dtype
    losses: list[tuple[float, float]] = []
    with contextlib.closing(batches(settings, state.step, device, product_dtype)) as source:
        while not clock.is_over:
            reporter.check_cancelled()
            rate = settings.learning_rate * learning_rate_factor(clock, settings.decay_from)
            mean_weight = offset_weight(clock, settings.decay_from, first_offset_weight)
            losses.append(training_step(state, next(source), rate, mean_weight, settings.averaging, precision))
            clock.done = state.step
            if state.step % settings.metric_steps == 0:
                loss, explained = np.mean(losses, axis=0)
                reporter.metric("loss", float(loss), state.step)
                reporter.metric("explained_variance", float(explained), state.step)
                reporter.metric("learning_rate", rate, state.step)
                losses.clear()
            stopped = stop_requested(reporter) and not clock.is_over
            if state.step % settings.checkpoint_steps == 0 or clock.is_over or stopped:
                state.save(checkpoint)
            if stopped:
                raise JobCancelledError(f"The training was stopped after step {state.step}; it can go on from there.")
            reporter.progress("training", clock.progress)
    return state.average.cpu().eval()


def training_step(
    state: TrainingState,
    batch: Batch,
    learning_rate: float,
    mean_weight: float,
    averaging: float,
    precision: Precision,
) -> tuple[float, float]:
    """Do one step; the numbers are those of the schedules and of the average. Returns what ``pair_loss`` does."""
    with precision.autocast(batch.volumes.device):
        features = state.network(batch.volumes)
    found = gather_features(features.float(), batch.positions)
    loss, explained = pair_loss(found, batch.targets, state.balance, mean_weight)
    value = float(loss.detach())
    if not np.isfinite(value):
        raise MambaMedError(
            f"The loss is not a number after {state.step} steps; train again with a smaller learning rate."
        )
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    state.optimiser.step()
    state.step += 1
    state.update_average(averaging)
    return value, explained
