"""Command-line options of a detection, shared by ``detect`` and ``batch detection``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mambamed.detection.settings import DEFAULT_MODEL
from mambamed.detection.settings import PRECISIONS
from mambamed.detection.settings import SLICE_AXES
from mambamed.detection.settings import DetectionSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest

__all__ = ["add_settings_arguments", "detection_request", "settings_from_arguments"]


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option for each of ``DetectionSettings``."""
    defaults = DetectionSettings()
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        help="name of a detector (see `mambamed models list`), its folder, or a zip of it (default: %(default)s, a "
        "demonstration)",
    )
    group = parser.add_argument_group("what to look at")
    group.add_argument(
        "--slice-axis",
        choices=SLICE_AXES,
        default=defaults.slice_axis,
        help="how a volume is cut into slices (default: %(default)s)",
    )
    group.add_argument(
        "--slices", type=int, nargs=2, metavar=("FIRST", "LAST"), help="slices to look at, from 0, both included"
    )
    group.add_argument(
        "--region",
        type=float,
        nargs=6,
        metavar=("XMIN", "XMAX", "YMIN", "YMAX", "ZMIN", "ZMAX"),
        help="region of interest in mm (LPS); objects with their centre outside are left out",
    )
    group.add_argument("--labels", nargs="+", metavar="NAME", help="kinds of object to look for (default: all)")
    group.add_argument(
        "--intensity-range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="values of the image that are the darkest and the brightest for the model, for example a window in HU "
        "(default: the model's)",
    )
    group.add_argument(
        "--pixel-spacing-mm", type=float, metavar="MM", help="size of the pixels that the model sees (default: its own)"
    )
    group = parser.add_argument_group("what to keep")
    group.add_argument("--score", type=float, metavar="S", help="least score of a box, 0 to 1 (default: the model's)")
    group.add_argument(
        "--overlap",
        type=float,
        metavar="IOU",
        help="of two boxes that overlap more the better stays (default: the model's)",
    )
    group.add_argument(
        "--maximum-boxes", type=int, default=defaults.maximum_boxes, help="in a picture or slice (default: %(default)s)"
    )
    group = parser.add_argument_group("linking over slices")
    group.add_argument("--no-linking", action="store_true", help="leave the boxes of slices as they are")
    group.add_argument(
        "--link-overlap",
        type=float,
        default=defaults.link_overlap,
        metavar="IOU",
        help="least overlap of boxes on neighbouring slices that are one object (default: %(default)s)",
    )
    group.add_argument(
        "--link-gap", type=int, default=defaults.link_gap, help="slices that may be passed over (default: %(default)s)"
    )
    group.add_argument(
        "--minimum-slices",
        type=int,
        default=defaults.minimum_slices,
        help="slices on which an object must be found (default: %(default)s)",
    )
    group = parser.add_argument_group("computing")
    group.add_argument("--device", default=defaults.device, help="auto, cpu, cuda, cuda:1 or mps (default: auto)")
    group.add_argument("--precision", choices=PRECISIONS, default=defaults.precision, help="of the convolutions")
    group.add_argument("--flips", action="store_true", help="average over flipped copies (four times the work)")
    group.add_argument("--tile-size", type=int, metavar="PX", help="side of the tiles (default: the model's)")
    group.add_argument("--tile-overlap", type=int, metavar="PX", help="of neighbouring tiles (default: the model's)")
    group.add_argument(
        "--batch-size", type=int, default=defaults.batch_size, help="tiles looked at together (default: %(default)s)"
    )
    group.add_argument("--seed", type=int, default=defaults.seed, help="stored with the result")


def settings_from_arguments(arguments: argparse.Namespace) -> DetectionSettings:
    """Return the checked settings; a model given by a path is made absolute.

    Raises:
        BadRequestError: a value cannot be meant.
    """
    model_path = Path(arguments.model)
    return DetectionSettings(
        model=str(model_path.resolve()) if model_path.exists() else arguments.model,
        device=arguments.device,
        precision=arguments.precision,
        score_threshold=arguments.score,
        nms_threshold=arguments.overlap,
        labels=tuple(arguments.labels) if arguments.labels else None,
        slice_axis=arguments.slice_axis,
        slices=tuple(arguments.slices) if arguments.slices else None,
        region_of_interest_lps_mm=tuple(arguments.region) if arguments.region else None,
        link_slices=not arguments.no_linking,
        link_overlap=arguments.link_overlap,
        link_gap=arguments.link_gap,
        minimum_slices=arguments.minimum_slices,
        flips=arguments.flips,
        intensity_range=tuple(arguments.intensity_range) if arguments.intensity_range else None,
        pixel_spacing_mm=arguments.pixel_spacing_mm,
        tile_size_px=arguments.tile_size,
        tile_overlap_px=arguments.tile_overlap,
        batch_size=arguments.batch_size,
        maximum_boxes=arguments.maximum_boxes,
        seed=arguments.seed,
    )


def detection_request(image: Path, settings: DetectionSettings, check: bool = True) -> JobRequest:
    """Return the request for one image.

    Args:
        image: image file or DICOM folder.
        settings: the settings.
        check: whether a file that does not exist is refused here.

    Raises:
        BadRequestError: the image does not exist.
    """
    if check and not image.exists():
        raise BadRequestError(f"The input {image} does not exist; check its name and place.")
    inputs = [{"name": "image", "path": str(image.absolute()), "sha256": None}]
    return JobRequest(task="detect", inputs=inputs, settings=settings.to_json())
