"""Command-line options of a segmentation, shared by ``segment``, ``batch segment`` and ``demo``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest
from mambamed.segmentation.settings import DEFAULT_MODEL
from mambamed.segmentation.settings import ORIENTATIONS
from mambamed.segmentation.settings import PRECISIONS
from mambamed.segmentation.settings import SegmentationSettings

__all__ = ["add_settings_arguments", "segmentation_request", "settings_from_arguments"]


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option for each of ``SegmentationSettings``."""
    defaults = SegmentationSettings()
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        help="name of a bundled model (see `mambamed models list`), or a result folder or zip of nnU-Net v2 or U-Mamba "
        "(default: %(default)s)",
    )
    group = parser.add_argument_group("computing")
    group.add_argument("--device", default=defaults.device, help="auto, cpu, cuda, cuda:1 or mps (default: auto)")
    group.add_argument("--precision", choices=PRECISIONS, default=defaults.precision, help="of the convolutions")
    group.add_argument("--scan-backend", default=defaults.scan_backend, help="see `mambamed doctor` (default: auto)")
    group.add_argument(
        "--step-size", type=float, default=defaults.step_size, help="of the window, as a part of it (default: 0.5)"
    )
    group.add_argument("--mirroring", action="store_true", help="average over mirrored copies (up to 8 times slower)")
    group.add_argument(
        "--orientation",
        choices=ORIENTATIONS,
        default=defaults.orientation,
        help="turn the volume to the model's axes, or take the file's as they are",
    )
    group.add_argument("--seed", type=int, default=defaults.seed, help="stored with the result")
    group = parser.add_argument_group("what to segment")
    group.add_argument(
        "--region",
        type=float,
        nargs=6,
        metavar=("XMIN", "XMAX", "YMIN", "YMAX", "ZMIN", "ZMAX"),
        help="region of interest in mm (LPS); the rest becomes background",
    )
    group.add_argument("--labels", nargs="+", metavar="NAME", help="labels to keep (default: all)")
    group.add_argument("--probabilities", action="store_true", help="also write a probability volume per label")
    group.add_argument("--uncertainty", action="store_true", help="also write the entropy, 0 (certain) to 1")
    group = parser.add_argument_group("weights")
    group.add_argument("--folds", nargs="+", metavar="FOLD", help="folds to average, e.g. 0 1 or all (default: all)")
    group.add_argument("--checkpoint", default=defaults.checkpoint, help="file in each fold (default: %(default)s)")


def settings_from_arguments(arguments: argparse.Namespace) -> SegmentationSettings:
    """Return the checked settings; a model given by a path is made absolute.

    Raises:
        BadRequestError: a value cannot be meant, or the model does not exist.
    """
    model_path = Path(arguments.model)
    return SegmentationSettings(
        model=str(model_path.resolve()) if model_path.exists() else arguments.model,
        device=arguments.device,
        precision=arguments.precision,
        scan_backend=arguments.scan_backend,
        step_size=arguments.step_size,
        mirroring=arguments.mirroring,
        region_of_interest_lps_mm=tuple(arguments.region) if arguments.region else None,
        labels=tuple(arguments.labels) if arguments.labels else None,
        probabilities=arguments.probabilities,
        uncertainty=arguments.uncertainty,
        folds=tuple(arguments.folds) if arguments.folds else None,
        checkpoint=arguments.checkpoint,
        orientation=arguments.orientation,
        seed=arguments.seed,
    )


def segmentation_request(images: Sequence[Path], settings: SegmentationSettings) -> JobRequest:
    """Return the request for one case whose channels are ``images``, in the model's order.

    Raises:
        BadRequestError: an image file does not exist.
    """
    inputs: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        if not image.exists():
            raise BadRequestError(f"The input {image} does not exist; check its name and place.")
        name = "image" if len(images) == 1 else f"image {number}"
        inputs.append({"name": name, "path": str(image.resolve()), "sha256": None})
    return JobRequest(task="segment", inputs=inputs, settings=settings.to_json())
