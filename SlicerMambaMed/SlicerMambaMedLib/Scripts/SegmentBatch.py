r"""Segment all images of a folder or a CSV file in Slicer without a window.

    Slicer --no-splash --no-main-window --python-script SegmentBatch.py \
        --input FOLDER_OR_CSV --model brain-tissue-mr --output FOLDER

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
    parser = argparse.ArgumentParser(prog="SegmentBatch.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--input",
        type=Path,
        required=True,
        help="folder with images (NIfTI, NRRD, MHA), DICOM folders or nnU-Net channels (CASE_0000.nii.gz, ...); or a "
        "CSV file with the columns case (optional) and image (image_2, ... for more channels)",
    )
    parser.add_argument("--model", required=True, help="identifier of a model, or path of a model folder or zip file")
    parser.add_argument("--output", type=Path, required=True, help="folder for the results and summary.csv")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16, float16 (default: %(default)s)")
    parser.add_argument("--step-size", type=float, default=0.5, help="distance of the windows (default: %(default)s)")
    parser.add_argument("--mirroring", action="store_true", help="average over mirrored copies")
    parser.add_argument("--labels", nargs="+", help="names of the labels to keep")
    parser.add_argument("--folds", nargs="+", help="folds of the model to average")
    parser.add_argument("--overwrite", action="store_true", help="do cases again that were done with other settings")
    parser.add_argument("--install", action="store_true", help="install missing Python packages without asking")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run the batch and return the exit code."""
    libraryParent = str(Path(globals().get("__file__") or sys.argv[0]).resolve().parents[2])
    if libraryParent not in sys.path:
        sys.path.insert(0, libraryParent)
    try:
        arguments = parseArguments(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    from SlicerMambaMedLib.BatchSegmentation import BatchSegmentation
    from SlicerMambaMedLib.SegmentationLogic import SegmentationLogic

    logic = SegmentationLogic()
    settings = {
        "device": arguments.device,
        "precision": arguments.precision,
        "step_size": arguments.step_size,
        "mirroring": arguments.mirroring,
        "labels": tuple(arguments.labels) if arguments.labels else None,
        "folds": tuple(arguments.folds) if arguments.folds else None,
    }
    try:
        missing = logic.session.missingPackages()
        if missing and arguments.install:
            logic.session.packages.confirm = lambda text, details, title: True
            logic.session.packages.install()
        elif missing:
            names = ", ".join(package.name for package in missing)
            raise ValueError(f"These Python packages are missing: {names}. Give --install, or install them in Slicer.")
        batch = BatchSegmentation(logic, arguments.model, settings, overwrite=arguments.overwrite)
        reports = batch.run(arguments.input, arguments.output)
    except Exception as error:
        print(f"SegmentBatch: {error}", file=sys.stderr, flush=True)
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
