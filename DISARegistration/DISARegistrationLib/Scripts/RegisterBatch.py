r"""Register all pairs of a CSV file in Slicer without a window.

    Slicer --no-splash --no-main-window --python-script RegisterBatch.py \
        --input PAIRS.csv --preset head-mr-ct --output FOLDER

The exit code is 0 when every pair is done, 1 when some failed, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import traceback
from pathlib import Path

DONE, FAILED, BAD_REQUEST = 0, 1, 2


def parseArguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="RegisterBatch.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--input",
        type=Path,
        required=True,
        help="CSV file with a header and the columns fixed and moving (paths, relative to the file), and if wanted "
        "case, fixed_mask, moving_mask, initial_transform, fixed_landmarks, moving_landmarks",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the results and summary.csv")
    parser.add_argument("--preset", default="custom", help="name of a preset (default: %(default)s)")
    parser.add_argument("--method", help="disa, mind-ssc, lc2, ncc, mattes; else that of the preset")
    parser.add_argument("--transform", help="rigid, affine, deformable, probe-pressure; else that of the preset")
    parser.add_argument("--search", help="local, global-narrow, global-wide, none; else that of the preset")
    parser.add_argument("--initial", help="header, centre, transform; else that of the preset")
    parser.add_argument("--starts", type=int, help="number of starts of a search in a range")
    parser.add_argument("--working-spacing", type=float, help="spacing in mm that both volumes are resampled to")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    parser.add_argument("--no-warped", action="store_true", help="do not write the resampled moving volume")
    parser.add_argument("--jacobian", action="store_true", help="write the Jacobian map")
    parser.add_argument("--similarity-map", action="store_true", help="write the map of the local similarity")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="do pairs again that were done with other settings")
    parser.add_argument("--install", action="store_true", help="install missing Python packages without asking")
    return parser.parse_args(words)


def settingsFrom(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the settings that were given, by the engine's names."""
    settings: dict[str, object] = {
        "device": arguments.device,
        "warped": not arguments.no_warped,
        "jacobian": arguments.jacobian,
        "similarity_map": arguments.similarity_map,
        "displacement": False,
        "seed": arguments.seed,
    }
    for name in ("method", "transform", "search", "initial", "starts"):
        if getattr(arguments, name) is not None:
            settings[name] = getattr(arguments, name)
    if arguments.working_spacing is not None:
        settings["working_spacing_mm"] = arguments.working_spacing
    return settings


def findLibraries() -> None:
    """Make the libraries importable: installed they lie in one folder, in a checkout in two neighbouring ones."""
    own = Path(globals().get("__file__") or sys.argv[0]).resolve().parents[2]
    for folder in (own, own.parent / "SlicerMambaMed"):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    if importlib.util.find_spec("SlicerMambaMedLib") is None:
        raise ValueError(f"SlicerMambaMedLib is not beside {own}: install the extension, or run from a checkout.")


def main(words: list[str]) -> int:
    """Run the batch and return the exit code."""
    try:
        arguments = parseArguments(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    findLibraries()
    from DISARegistrationLib.BatchRegistration import BatchRegistration
    from DISARegistrationLib.RegistrationLogic import RegistrationLogic

    logic = RegistrationLogic()
    try:
        missing = logic.session.missingPackages()
        if missing and arguments.install:
            logic.session.packages.confirm = lambda text, details, title: True
            logic.session.packages.install()
        elif missing:
            names = ", ".join(package.name for package in missing)
            raise ValueError(f"These Python packages are missing: {names}. Give --install, or install them in Slicer.")
        batch = BatchRegistration(logic, arguments.preset, settingsFrom(arguments), overwrite=arguments.overwrite)
        reports = batch.run(arguments.input, arguments.output)
    except Exception as error:
        print(f"RegisterBatch: {error}", file=sys.stderr, flush=True)
        return BAD_REQUEST
    finally:
        logic.session.shutdown()
    failed = sum(report.state == "failed" for report in reports)
    print(f"{len(reports) - failed} of {len(reports)} pairs are done. Summary: {arguments.output / 'summary.csv'}")
    return FAILED if failed else DONE


if __name__ == "__main__":
    import slicer

    # An exception that reaches Slicer would only be printed, and the application would stay open.
    try:
        exitCode = main(sys.argv[1:])
    except BaseException:
        traceback.print_exc()
        exitCode = FAILED
    slicer.util.exit(exitCode)
