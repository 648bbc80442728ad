r"""Analyze all chest CTs of a folder or a CSV file in Slicer without a window.

    Slicer --no-splash --no-main-window --python-script EmphysemaBatch.py \
        --input FOLDER_OR_CSV --output FOLDER

The exit code is 0 when every case is done, 1 when some failed, 2 when nothing could be started.
"""

from __future__ import annotations

import sys
from pathlib import Path


def findLibraries() -> None:
    """Make the libraries importable: installed they lie in one folder, in a checkout in two neighbouring ones."""
    own = Path(globals().get("__file__") or sys.argv[0]).resolve().parents[2]
    for folder in (own.parent / "SlicerMambaMed", own):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def main(words: list[str]) -> int:
    """Run the batch and return the exit code."""
    findLibraries()
    from EmphysemaXAILib.BatchEmphysema import BatchEmphysema
    from EmphysemaXAILib.EmphysemaLogic import EmphysemaLogic
    from SlicerMambaMedLib.BatchCommand import BatchCommand

    command = BatchCommand(
        "EmphysemaBatch.py",
        "Analyze all chest CTs of a folder or a CSV file in Slicer without a window.",
        "folder with CTs (NIfTI, NRRD, MHA) and DICOM folders; or a CSV file with the columns case (optional) and "
        "image",
    )
    add = command.parser.add_argument
    parts = ["density", "patterns", "severity", "explanations"]
    add("--compute", nargs="+", default=parts[:1], choices=parts, help="what is computed (default: density)")
    add("--model", help="severity model: identifier, or path of a model folder or zip file")
    add("--noise-filter", default="off", help="off, median, gaussian (default: %(default)s)")
    add("--calibrate", action="store_true", help="let the air in the trachea be -1000 HU")
    add("--no-report", action="store_true", help="write no HTML and PDF")
    logic = EmphysemaLogic()

    def makeBatch(arguments):
        settings = {
            "compute": tuple(arguments.compute),
            "device": arguments.device,
            "noise_filter": arguments.noise_filter,
            "tracheal_air_calibration": arguments.calibrate,
        }
        if arguments.model:
            settings["severity_model"] = arguments.model
        return BatchEmphysema(logic, settings, overwrite=arguments.overwrite, report=not arguments.no_report)

    return command.run(words, logic, makeBatch)


if __name__ == "__main__":
    findLibraries()
    from SlicerMambaMedLib.BatchCommand import endWith

    endWith(main)
