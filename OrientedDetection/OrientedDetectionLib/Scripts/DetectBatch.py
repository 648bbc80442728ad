r"""Look for oriented objects in all images of a folder or a CSV file in Slicer without a window.

    Slicer --no-splash --no-main-window --python-script DetectBatch.py \
        --input FOLDER_OR_CSV --model MODEL --output FOLDER

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
    from OrientedDetectionLib.BatchDetection import BatchDetection
    from OrientedDetectionLib.DetectionLogic import DetectionLogic
    from SlicerMambaMedLib.BatchCommand import BatchCommand

    command = BatchCommand(
        "DetectBatch.py",
        "Look for oriented objects in all images of a folder or a CSV file in Slicer without a window.",
        "folder with images (NIfTI, NRRD, MHA, PNG, ...) and DICOM folders; or a CSV file with the columns case "
        "(optional) and image",
        cases="images",
    )
    add = command.parser.add_argument
    add("--model", required=True, help="identifier of a model, or path of a model folder or zip file")
    add("--score", type=float, help="least score of what is kept (default: the model's)")
    add("--axis", default="axial", help="axial, coronal, sagittal, stored: how volumes are cut (default: %(default)s)")
    add("--labels", nargs="+", help="names of the labels to keep")
    add("--no-linking", action="store_true", help="do not link the boxes of neighbouring slices")
    add("--flips", action="store_true", help="average over flipped copies")
    logic = DetectionLogic()

    def makeBatch(arguments):
        settings = {
            "device": arguments.device,
            "score_threshold": arguments.score,
            "slice_axis": arguments.axis,
            "labels": tuple(arguments.labels) if arguments.labels else None,
            "link_slices": not arguments.no_linking,
            "flips": arguments.flips,
        }
        return BatchDetection(logic, arguments.model, settings, overwrite=arguments.overwrite)

    return command.run(words, logic, makeBatch)


if __name__ == "__main__":
    findLibraries()
    from SlicerMambaMedLib.BatchCommand import endWith

    endWith(main)
