"""Command-line options of a registration, shared by ``register`` and ``batch register``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest
from mambamed.registration.presets import PRESETS
from mambamed.registration.settings import EFFORTS
from mambamed.registration.settings import FEATURE_METHODS
from mambamed.registration.settings import INITIALS
from mambamed.registration.settings import NETWORK_PREFIX
from mambamed.registration.settings import SEARCHES
from mambamed.registration.settings import TRANSFORMS
from mambamed.registration.settings import RegistrationSettings

__all__ = ["add_settings_arguments", "registration_request", "settings_from_arguments"]

_NOT_GIVEN = argparse.SUPPRESS


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option for each of ``RegistrationSettings``; what is not given comes from the preset."""
    add = parser.add_argument
    add("--preset", choices=list(PRESETS), default="custom", help="settings that suit a kind of images")
    add("--method", default=_NOT_GIVEN, help="disa, mind-ssc, lc2, ncc, mattes or network:MODEL (default: disa)")
    add("--transform", choices=TRANSFORMS, default=_NOT_GIVEN, help="default: rigid, of a network deformable")
    add("--model", default=_NOT_GIVEN, help="name, folder or file of DISA weights (default: disa-lc2)")
    group = parser.add_argument_group("search")
    add = group.add_argument
    add("--search", choices=SEARCHES, default=_NOT_GIVEN, help="default: local")
    add("--starts", type=int, default=_NOT_GIVEN, help="of a global search (default: 500)")
    add("--rotation-range", dest="rotation_range_deg", type=float, default=_NOT_GIVEN, metavar="DEG", help="+/-")
    add("--translation-range", dest="translation_range_mm", type=float, default=_NOT_GIVEN, metavar="MM", help="+/-")
    add("--initial", choices=INITIALS, default=_NOT_GIVEN, help="where the search begins (default: centre)")
    add("--effort", choices=EFFORTS, default=_NOT_GIVEN, help="default: standard")
    add("--spacing", dest="working_spacing_mm", type=float, default=_NOT_GIVEN, metavar="MM", help="working spacing")
    add("--stride", type=int, choices=(1, 2, 4), default=_NOT_GIVEN, help="working voxels between features")
    add("--sign-average", action="store_true", default=_NOT_GIVEN, help="average over the negated volume, too")
    names = ("XMIN", "XMAX", "YMIN", "YMAX", "ZMIN", "ZMAX")
    add(
        "--region",
        dest="region_of_interest_lps_mm",
        type=float,
        nargs=6,
        metavar=names,
        default=_NOT_GIVEN,
        help="region of the fixed volume that decides, in mm (LPS)",
    )
    group = parser.add_argument_group("deformable")
    add = group.add_argument
    add("--linear-part", choices=("rigid", "affine"), default=_NOT_GIVEN, help="found first (default: affine)")
    add("--feature-spacing", dest="deformable_spacing_mm", type=float, default=_NOT_GIVEN, metavar="MM")
    add("--range", dest="displacement_range_mm", type=float, default=_NOT_GIVEN, metavar="MM", help="largest tried")
    add("--regularisation", type=float, default=_NOT_GIVEN, help="larger is smoother (default: 1)")
    add("--iterations", type=int, default=_NOT_GIVEN, help="of the refinement (default: 50)")
    add("--inverse-consistent", action="store_true", default=_NOT_GIVEN, help="estimate both directions")
    add("--diffeomorphic", action="store_true", default=_NOT_GIVEN, help="refine a velocity field")
    group = parser.add_argument_group("one-pass networks (--method network:MODEL)")
    add = group.add_argument
    add("--similarity", choices=FEATURE_METHODS, default=_NOT_GIVEN, help="of linear part and refinement: %(choices)s")
    add("--refine", action="store_true", default=_NOT_GIVEN, help="improve the predicted field for this pair")
    group = parser.add_argument_group("probe pressure")
    add = group.add_argument
    place: dict[str, Any] = {"type": float, "nargs": 3, "metavar": ("X", "Y", "Z"), "default": _NOT_GIVEN}
    add("--probe-position", dest="probe_position_lps_mm", help="centre of the probe's face, mm (LPS)", **place)
    add("--beam-direction", dest="beam_direction_lps", help="into the body", **place)
    add("--probe-depth", dest="probe_depth_mm", type=float, default=_NOT_GIVEN, metavar="MM")
    group = parser.add_argument_group("outputs and computing")
    add = group.add_argument
    add("--no-warped", dest="warped", action="store_false", default=_NOT_GIVEN, help="no moved volume")
    add("--no-jacobian", dest="jacobian", action="store_false", default=_NOT_GIVEN, help="no Jacobian determinant")
    add("--no-displacement", dest="displacement", action="store_false", default=_NOT_GIVEN, help="no dense field")
    add("--similarity-map", action="store_true", default=_NOT_GIVEN, help="also write the local similarity")
    add("--device", default=_NOT_GIVEN, help="auto, cpu, cuda, cuda:1 or mps (default: auto)")
    add("--precision", default=_NOT_GIVEN, choices=("auto", "float32", "bfloat16"), help="of the DISA network")
    add("--no-cache", dest="cache", action="store_false", default=_NOT_GIVEN, help="keep no features")
    add("--seed", type=int, default=_NOT_GIVEN, help="of the random starts (default: 0)")


def settings_from_arguments(arguments: argparse.Namespace, has_initial: bool = False) -> RegistrationSettings:
    """Return the checked settings; models given by a path are made absolute.

    Args:
        arguments: Parsed options.
        has_initial: An initial transform is given: the search begins there unless ``--initial`` says otherwise.

    Raises:
        BadRequestError: a value cannot be meant.
    """
    known = RegistrationSettings().to_json()
    values: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name in known}
    if has_initial:
        values.setdefault("initial", "transform")
    if "model" in values and Path(values["model"]).exists():
        values["model"] = str(Path(values["model"]).resolve())
    network = str(values.get("method", "")).removeprefix(NETWORK_PREFIX)
    if network != values.get("method", "") and network and Path(network).exists():
        values["method"] = f"{NETWORK_PREFIX}{Path(network).resolve()}"
    return RegistrationSettings.from_json(values)


def registration_request(
    files: Mapping[str, Path | None], settings: RegistrationSettings, must_exist: bool = True
) -> JobRequest:
    """Return the request for one pair.

    Args:
        files: path by the name of the job's input; None leaves it out.
        settings: the settings.
        must_exist: refuse files that are not there; else the engine will.

    Raises:
        BadRequestError: a file does not exist.
    """
    inputs = []
    for name, path in files.items():
        if path is None:
            continue
        if must_exist and not path.exists():
            raise BadRequestError(f"The input {path} does not exist; check its name and place.")
        inputs.append({"name": name, "path": str(path.absolute()), "sha256": None})
    return JobRequest(task="register", inputs=inputs, settings=settings.to_json())
