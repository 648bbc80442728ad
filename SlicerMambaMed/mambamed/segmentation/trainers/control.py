"""What a caller may set and hear of an nnU-Net training."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["TrainingControl"]


@dataclass(frozen=True)
class TrainingControl:
    """Length, optimiser and listener of one training; the defaults are nnU-Net's.

    Attributes:
        reporter: Hears progress, losses and Dice, and says when the user has cancelled.
        epochs: Epochs; one epoch ends with a validation and a checkpoint.
        iterations: Training batches per epoch.
        validation_iterations: Validation batches per epoch.
        learning_rate: At the start.
        optimizer: ``"sgd"`` (Nesterov), ``"adam"`` or ``"adamw"``.
        weight_decay: Of the optimiser.
        momentum: Of SGD.
        precision: ``"auto"``, ``"float16"``, ``"bfloat16"`` or ``"float32"``; auto means nnU-Net's float16 on CUDA, and
            on a CPU bfloat16 where the processor has instructions for it.
        seed: Of every random draw.
        time_limit_minutes: The schedule is compressed to end by then.
        loader_processes: Processes that prepare batches; 0 prepares them in the training process.
    """

    reporter: Reporter = field(default_factory=NullReporter)
    epochs: int = 1000
    iterations: int = 250
    validation_iterations: int = 50
    learning_rate: float = 1e-2
    optimizer: str = "sgd"
    weight_decay: float = 3e-5
    momentum: float = 0.99
    precision: str = "auto"
    seed: int = 0
    time_limit_minutes: float | None = None
    loader_processes: int = 0
