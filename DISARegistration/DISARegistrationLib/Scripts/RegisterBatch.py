r"""Register all pairs of a CSV file in Slicer without a window.

    Slicer --no-splash --no-main-window --python-script RegisterBatch.py \
        --input PAIRS.csv --preset head-mr-ct --output FOLDER

The exit code is 0 when every pair is done, 1 when some failed, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def findLibraries() -> None:
    """Make the libraries importable: installed they lie in one folder, in a checkout in two neighbouring ones."""
    own = Path(globals().get("__file__") or sys.argv[0]).resolve().parents[2]
    for folder in (own.parent / "SlicerMambaMed", own):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


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


def main(words: list[str]) -> int:
    """Run the batch and return the exit code."""
    findLibraries()
    from DISARegistrationLib.BatchRegistration import BatchRegistration
    from DISARegistrationLib.RegistrationLogic import RegistrationLogic
    from SlicerMambaMedLib.BatchCommand import BatchCommand

    command = BatchCommand(
        "RegisterBatch.py",
        "Register all pairs of a CSV file in Slicer without a window.",
        "CSV file with a header and the columns fixed and moving (paths, relative to the file), and if wanted "
        "case, fixed_mask, moving_mask, initial_transform, fixed_landmarks, moving_landmarks",
        cases="pairs",
    )
    add = command.parser.add_argument
    add("--preset", default="custom", help="name of a preset (default: %(default)s)")
    add("--method", help="disa, mind-ssc, lc2, ncc, mattes; else that of the preset")
    add("--transform", help="rigid, affine, deformable, probe-pressure; else that of the preset")
    add("--search", help="local, global-narrow, global-wide, none; else that of the preset")
    add("--initial", help="header, centre, transform; else that of the preset")
    add("--starts", type=int, help="number of starts of a search in a range")
    add("--working-spacing", type=float, help="spacing in mm that both volumes are resampled to")
    add("--no-warped", action="store_true", help="do not write the resampled moving volume")
    add("--jacobian", action="store_true", help="write the Jacobian map")
    add("--similarity-map", action="store_true", help="write the map of the local similarity")
    add("--seed", type=int, default=0, help="of everything random (default: %(default)s)")
    logic = RegistrationLogic()

    def makeBatch(arguments):
        settings = settingsFrom(arguments)
        return BatchRegistration(logic, arguments.preset, settings, overwrite=arguments.overwrite)

    return command.run(words, logic, makeBatch)


if __name__ == "__main__":
    findLibraries()
    from SlicerMambaMedLib.BatchCommand import endWith

    endWith(main)
