"""Settings of a detector's training: one value, checked once, stored with the result. Standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.detection.networks.settings import DetectorSettings
from mambamed.detection.synthetic.settings import SyntheticSettings
from mambamed.detection.training.method import MethodSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.settings_json import settings_from_json
from mambamed.jobs.settings_json import settings_to_json

__all__ = ["FIRST_WEIGHTS", "OPTIMIZERS", "PRESETS", "SCHEDULERS", "DetectionTrainingSettings"]

OPTIMIZERS = ("sgd", "adamw")
SCHEDULERS = ("steps", "polynomial")
FIRST_WEIGHTS = ("published", "kept-variance")

_CPU: dict[str, Any] = {
    "backbone": "resnet18",
    "width": 0.25,
    "feature_channels": 48,
    "finest_stride": 4,
    "largest_offset": 4.0,
    "first_weights": "kept-variance",
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "scheduler": "polynomial",
    "warm_up_iterations": 30,
    "batch_size": 4,
    "tile_px": 128,
    "overlap_px": 32,
    "epochs": 20,
}

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "paper-36": {"epochs": 36, "milestones": (24, 33)},
    "paper-40": {"epochs": 40, "milestones": (24, 32, 38)},
    "cpu": _CPU,
}
"""``paper``: the defaults, DCFL's 12 epochs; two longer schedules; a small network that trains without a graphics card.
"""


@dataclass(frozen=True)
class DetectionTrainingSettings:
    """What to train, on what, and how. The defaults are DCFL's published training.

    Attributes:
        dataset: folder with ``images`` and annotations, see ``docs/training-detection.md``.
        further_datasets: more such folders, of any form each.
        test_dataset: such a folder for the measures at the end; empty: ``held_out_share`` of the dataset's images.
        held_out_share: of the images, 0 to 0.5; 0 measures on the training images, and says so.
        synthetic: ``ct`` or ``aerial`` in place of a dataset: pictures from the generator.
        synthetic_images: training pictures of the generator.
        synthetic_test_images: pictures that the result is measured on.
        synthetic_size_px: side of a picture.
        synthetic_seed: of the pictures; training and test pictures differ for every seed.
        classes: names in the network's order, of which those count that are annotated (for YOLO-OBB the names of its
            numbers); empty: all that are annotated, by alphabet.
        method: ``dcfl``, ``retinanet-o``, ``atss-o``; this and the next six as in ``MethodSettings``.
        backbone: this and the next seven as in ``DetectorSettings``.
        first_weights: of the head: ``published`` (deviation 0.01) or ``kept-variance``, for narrow heads.
        tile_px: side of the tiles that images are cut into.
        overlap_px: pixels that neighbouring tiles share.
        flips: mirror a tile horizontally, vertically or both at random, each a quarter of the time.
        epochs: passes through all tiles.
        batch_size: tiles per step, over all processes.
        optimizer: ``sgd`` or ``adamw``.
        learning_rate: after the warm-up.
        momentum: of SGD.
        weight_decay: of the optimiser.
        gradient_clip: largest norm of the gradient.
        scheduler: ``steps`` (a tenth after each milestone) or ``polynomial`` (falls to 0).
        milestones: epochs after which the rate drops.
        warm_up_iterations: over which the rate rises from a third.
        precision: ``float32`` or ``bfloat16`` of the convolutions.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        threads: on a CPU; None leaves PyTorch's choice.
        loader_processes: that prepare batches beside the training; 0 prepares them in it.
        training_processes: that train together on each machine, one graphics card each.
        nodes: machines that train together.
        seed: of weights, order and flips.
        time_limit_minutes: the schedule is compressed to end by then; None has no limit.
    """

    dataset: str = ""
    further_datasets: tuple[str, ...] = ()
    test_dataset: str = ""
    held_out_share: float = 0.2
    synthetic: str = ""
    synthetic_images: int = 400
    synthetic_test_images: int = 60
    synthetic_size_px: int = 128
    synthetic_seed: int = 0
    classes: tuple[str, ...] = ()
    method: str = "dcfl"
    measure: str = "gjsd"
    k: int = 16
    q: int = 12
    g: float = 0.6
    strict: bool = True
    box_loss: str = "iou"
    backbone: str = "resnet50"
    width: float = 1.0
    feature_channels: int = 256
    dilation: int = 3
    finest_stride: int = 8
    norm: str = "batch"
    largest_offset: float = 0.0
    imagenet_weights: str = ""
    first_weights: str = "published"
    tile_px: int = 1024
    overlap_px: int = 200
    flips: bool = True
    epochs: int = 12
    batch_size: int = 2
    optimizer: str = "sgd"
    learning_rate: float = 0.0025
    momentum: float = 0.9
    weight_decay: float = 1e-4
    gradient_clip: float = 35.0
    scheduler: str = "steps"
    milestones: tuple[int, ...] = (8, 11)
    warm_up_iterations: int = 500
    precision: str = "float32"
    device: str = "auto"
    threads: int | None = None
    loader_processes: int = 0
    training_processes: int = 1
    nodes: int = 1
    seed: int = 0
    time_limit_minutes: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            BadRequestError: with what was found and expected.
        """
        for name in ("classes", "milestones", "further_datasets"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if bool(self.dataset) == bool(self.synthetic):
            raise BadRequestError("Name either a folder of images to train on or a kind of synthetic pictures.")
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("scheduler", SCHEDULERS),
            ("precision", ("float32", "bfloat16")),
            ("first_weights", FIRST_WEIGHTS),
        ):
            if getattr(self, name) not in known:
                raise BadRequestError(f"The {name} is {getattr(self, name)!r}; expected one of: {', '.join(known)}.")
        lowest = {"loader_processes": 0, "warm_up_iterations": 0, "seed": 0, "overlap_px": 0, "tile_px": 32}
        whole = ("epochs", "batch_size", "training_processes", "nodes", "synthetic_images", "synthetic_test_images")
        for name, least in {**dict.fromkeys(whole, 1), **lowest}.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadRequestError(
                    f"The number {name} is {value!r}; a whole number of at least {least} is expected."
                )
        if self.overlap_px >= self.tile_px:
            raise BadRequestError(
                f"Tiles of {self.tile_px} pixels overlap by {self.overlap_px}; expected less overlap."
            )
        if not 0 <= self.held_out_share <= 0.5:
            raise BadRequestError(f"The share of held-out images is {self.held_out_share}; expected 0 to 0.5.")
        above_0 = {name: getattr(self, name) for name in ("learning_rate", "gradient_clip")}
        above_0["time_limit_minutes"] = 1.0 if self.time_limit_minutes is None else self.time_limit_minutes
        for name, value in above_0.items():
            if not value > 0:
                raise BadRequestError(f"The {name} is {value}; expected more than 0.")
        if self.batch_size < self.training_processes * self.nodes:
            raise BadRequestError(
                f"A batch of {self.batch_size} cannot be shared by {self.training_processes * self.nodes} processes; "
                "give each at least one tile."
            )
        if self.synthetic:
            self.synthetic_pictures  # noqa: B018 (checks them)
        self.method_settings  # noqa: B018 (checks the method)
        self.network(max(1, len(self.classes)))  # checks the network

    @property
    def method_settings(self) -> MethodSettings:
        """How priors are matched and judged."""
        return MethodSettings(self.method, self.measure, self.k, self.q, self.g, self.strict, self.box_loss)

    @property
    def synthetic_pictures(self) -> SyntheticSettings:
        """The generator's settings."""
        return SyntheticSettings(domain=self.synthetic, size=(self.synthetic_size_px,) * 2, seed=self.synthetic_seed)

    def network(self, class_count: int) -> DetectorSettings:
        """Return the network for so many classes; pictures have three channels (grey ones three equal)."""
        return DetectorSettings(
            class_count=class_count,
            backbone=self.backbone,
            width=self.width,
            feature_channels=self.feature_channels,
            prior_capturing=self.method_settings.prior_capturing,
            dilation=self.dilation,
            finest_stride=self.finest_stride,
            norm=self.norm,
            largest_offset=self.largest_offset,
            imagenet_weights=self.imagenet_weights,
        )

    def replace(self, **changes: Any) -> DetectionTrainingSettings:
        """Return a copy with some values changed, checked again."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a job request."""
        return settings_to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DetectionTrainingSettings:
        """Read what ``to_json`` gave.

        Raises:
            BadRequestError: unknown names or values of another kind.
        """
        return settings_from_json(cls, values, "detection training")
