r"""Analyze all chest CTs of a folder or a CSV file in Slicer without a window.

    Slicer --no-splash --no-main-window --python-script EmphysemaBatch.py \
        --input FOLDER_OR_CSV --output FOLDER

The exit code is 0 when every case is done, 1 when some failed, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

DONE, FAILED, BAD_REQUEST = 0, 1, 2


def parseArguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="EmphysemaBatch.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--input",
        type=Path,
        required=True,
        help="folder with CTs (NIfTI, NRRD, MHA) and DICOM folders; or a CSV file with the columns case (optional) and "
        "image",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the results and summary.csv")
    parser.add_argument(
        "--compute",
        nargs="+",
        default=["density"],
        choices=["density", "patterns", "severity", "explanations"],
        help="what is computed (default: density)",
    )
    parser.add_argument("--model", help="severity model: identifier, or path of a model folder or zip file")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    parser.add_argument("--noise-filter", default="off", help="off, median, gaussian (default: %(default)s)")
    parser.add_argument("--calibrate", action="store_true", help="let the air in the trachea be -1000 HU")
    parser.add_argument("--no-report", action="store_true", help="write no HTML and PDF")
    parser.add_argument("--overwrite", action="store_true", help="do cases again that were done with other settings")
    parser.add_argument("--install", action="store_true", help="install missing Python packages without asking")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run the batch and return the exit code."""
    ownParent = Path(globals().get("__file__") or sys.argv[0]).resolve().parents[2]
    # Installed, both libraries lie in one folder; in a checkout, the shared one lies in the module beside.
    for folder in (ownParent.parent / "SlicerMambaMed", ownParent):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    try:
        arguments = parseArguments(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    from EmphysemaXAILib.BatchEmphysema import BatchEmphysema
    from EmphysemaXAILib.EmphysemaLogic import EmphysemaLogic

    logic = EmphysemaLogic()
    settings = {
        "compute": tuple(arguments.compute),
        "device": arguments.device,
        "noise_filter": arguments.noise_filter,
        "tracheal_air_calibration": arguments.calibrate,
    }
    if arguments.model:
        settings["severity_model"] = arguments.model
    try:
        missing = logic.session.missingPackages()
        if missing and arguments.install:
            logic.session.packages.confirm = lambda text, details, title: True
            logic.session.packages.install()
        elif missing:
            names = ", ".join(package.name for package in missing)
            raise ValueError(f"These Python packages are missing: {names}. Give --install, or install them in Slicer.")
        batch = BatchEmphysema(logic, settings, overwrite=arguments.overwrite, report=not arguments.no_report)
        reports = batch.run(arguments.input, arguments.output)
    except Exception as error:
        print(f"EmphysemaBatch: {error}", file=sys.stderr, flush=True)
        return BAD_REQUEST
    finally:
        logic.session.shutdown()
    failed = sum(report.state == "failed" for report in reports)
    print(f"{len(reports) - failed} of {len(reports)} cases are done. Summary: {arguments.output / 'summary.csv'}")
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
