r"""Segment all images of a folder or a CSV file in Slicer without a window.

    Slicer --no-splash --no-main-window --python-script SegmentBatch.py \
        --input FOLDER_OR_CSV --model brain-tissue-mr --output FOLDER

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
    from SlicerMambaMedLib.BatchCommand import BatchCommand
    from SlicerMambaMedLib.BatchSegmentation import BatchSegmentation
    from SlicerMambaMedLib.SegmentationLogic import SegmentationLogic

    command = BatchCommand(
        "SegmentBatch.py",
        "Segment all images of a folder or a CSV file in Slicer without a window.",
        "folder with images (NIfTI, NRRD, MHA), DICOM folders or nnU-Net channels (CASE_0000.nii.gz, ...); or a "
        "CSV file with the columns case (optional) and image (image_2, ... for more channels)",
    )
    add = command.parser.add_argument
    add("--model", required=True, help="identifier of a model, or path of a model folder or zip file")
    add("--precision", default="auto", help="auto, float32, bfloat16, float16 (default: %(default)s)")
    add("--step-size", type=float, default=0.5, help="distance of the windows (default: %(default)s)")
    add("--mirroring", action="store_true", help="average over mirrored copies")
    add("--labels", nargs="+", help="names of the labels to keep")
    add("--folds", nargs="+", help="folds of the model to average")
    logic = SegmentationLogic()

    def makeBatch(arguments):
        settings = {
            "device": arguments.device,
            "precision": arguments.precision,
            "step_size": arguments.step_size,
            "mirroring": arguments.mirroring,
            "labels": tuple(arguments.labels) if arguments.labels else None,
            "folds": tuple(arguments.folds) if arguments.folds else None,
        }
        return BatchSegmentation(logic, arguments.model, settings, overwrite=arguments.overwrite)

    return command.run(words, logic, makeBatch)


if __name__ == "__main__":
    findLibraries()
    from SlicerMambaMedLib.BatchCommand import endWith

    endWith(main)
