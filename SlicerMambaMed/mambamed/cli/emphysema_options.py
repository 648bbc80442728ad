"""Command-line options of an emphysema analysis, shared by ``emphysema`` and ``batch emphysema``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.settings import ANALYSES
from mambamed.emphysema.settings import EXPLANATION_METHODS
from mambamed.emphysema.settings import NOISE_FILTERS
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest

__all__ = ["add_settings_arguments", "emphysema_request", "settings_from_arguments"]


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``EmphysemaSettings``."""
    defaults = EmphysemaSettings(compute=("density",))
    group = parser.add_argument_group("what to compute")
    group.add_argument(
        "--compute",
        nargs="+",
        choices=ANALYSES,
        help="density is always computed (default: everything whose model is there)",
    )
    group.add_argument(
        "--model", default=defaults.severity_model, help="severity model: name or folder (default: %(default)s)"
    )
    group.add_argument(
        "--pattern-model", default=defaults.pattern_model, help="pattern model: name or folder (default: %(default)s)"
    )
    group.add_argument(
        "--explanation-methods", nargs="+", choices=EXPLANATION_METHODS, default=list(defaults.explanation_methods)
    )
    group.add_argument("--explanation-class", metavar="NAME", help="severity class to explain (default: most probable)")
    group.add_argument("--explanation-layer", metavar="NAME", help="layer for Grad-CAM (default: last convolution)")
    group = parser.add_argument_group("density")
    group.add_argument("--noise-filter", choices=NOISE_FILTERS, default=defaults.noise_filter, help="default: off")
    group.add_argument("--gaussian-sigma-mm", type=float, default=defaults.gaussian_sigma_mm, metavar="MM")
    group.add_argument(
        "--calibrate", action="store_true", help="shift all values so that the air in the trachea is -1000 HU"
    )
    group.add_argument(
        "--thresholds",
        type=float,
        nargs="+",
        default=list(defaults.low_attenuation_thresholds_hu),
        metavar="HU",
        help="LAA%% is given below each (default: -950 -925 -910 -856)",
    )
    group.add_argument(
        "--lung-values",
        type=int,
        nargs="+",
        metavar="VALUE",
        help="values of the label map of the lungs that are lung (default: all but 0)",
    )
    group.add_argument(
        "--lobe-names",
        nargs="+",
        metavar="VALUE=NAME",
        help="lobes by their value in the label map (default: 1-5 or 10-14 as left upper, left lower, right upper, "
        "right middle, right lower)",
    )
    group = parser.add_argument_group("how the scan was made, where DICOM does not say it")
    group.add_argument("--kernel", help="reconstruction kernel, for example B31f, STANDARD, FC01")
    group.add_argument("--slice-thickness-mm", type=float, metavar="MM")
    group.add_argument("--kilovolt-peak", type=float, metavar="KV")
    group.add_argument("--contrast", choices=("yes", "no"))
    group.add_argument("--manufacturer")
    group = parser.add_argument_group("computing and outputs")
    group.add_argument("--device", default=defaults.device, help="auto, cpu, cuda, cuda:1 or mps (default: auto)")
    group.add_argument("--seed", type=int, default=defaults.seed, help="stored with the result")
    group.add_argument("--no-report", action="store_true", help="write no report")
    group.add_argument("--no-dicom", action="store_true", help="write no DICOM SEG and SR for a DICOM input")


def settings_from_arguments(arguments: argparse.Namespace) -> EmphysemaSettings:
    """Return the checked settings; a model given by a path is made absolute.

    Raises:
        BadRequestError: a value cannot be meant.
    """
    return EmphysemaSettings(
        compute=tuple(arguments.compute) if arguments.compute else None,  # type: ignore[arg-type]
        severity_model=_model(arguments.model),
        pattern_model=_model(arguments.pattern_model) or "",
        explanation_methods=tuple(arguments.explanation_methods),
        explanation_class=arguments.explanation_class,
        explanation_layer=arguments.explanation_layer,
        noise_filter=arguments.noise_filter,
        gaussian_sigma_mm=arguments.gaussian_sigma_mm,
        tracheal_air_calibration=arguments.calibrate,
        low_attenuation_thresholds_hu=tuple(arguments.thresholds),
        lung_values=tuple(arguments.lung_values) if arguments.lung_values else None,
        lobe_names=_lobe_names(arguments.lobe_names),
        acquisition=Acquisition(
            kernel=arguments.kernel,
            slice_thickness_mm=arguments.slice_thickness_mm,
            kilovolt_peak=arguments.kilovolt_peak,
            contrast=None if arguments.contrast is None else arguments.contrast == "yes",
            manufacturer=arguments.manufacturer,
        ),
        device=arguments.device,
        seed=arguments.seed,
        report=not arguments.no_report,
        dicom_outputs=not arguments.no_dicom,
    )


def emphysema_request(files: Mapping[str, Path | None], settings: EmphysemaSettings, check: bool = True) -> JobRequest:
    """Return the request for one case.

    Args:
        files: Input name (``ct``, ``lungs``, ...) to file; None where there is none.
        settings: The settings.
        check: Whether a file that does not exist is refused here.

    Raises:
        BadRequestError: an input file does not exist.
    """
    inputs: list[dict[str, Any]] = []
    for name, path in files.items():
        if path is None:
            continue
        if check and not path.exists():
            raise BadRequestError(f"The input {path} does not exist; check its name and place.")
        inputs.append({"name": name, "path": str(path.absolute()), "sha256": None})
    return JobRequest(task="emphysema", inputs=inputs, settings=settings.to_json())


def _model(name: str | None) -> str | None:
    if not name:
        return None
    path = Path(name)
    return str(path.resolve()) if path.exists() else name


def _lobe_names(pairs: list[str] | None) -> dict[int, str] | None:
    if not pairs:
        return None
    names = {}
    for pair in pairs:
        value, separator, name = pair.partition("=")
        if not separator or not value.isdigit() or not name:
            raise BadRequestError(f'"{pair}" is no lobe; expected VALUE=NAME, for example 1="left upper lobe".')
        names[int(value)] = name
    return names
