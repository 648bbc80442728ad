"""``mambamed demo``: a real brain MR, segmented by the bundled model, with everything that a result brings."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import Any

from mambamed.cli.segmentation_options import segmentation_request
from mambamed.errors import BadRequestError
from mambamed.errors import MambaMedError
from mambamed.jobs.states import ExitCode
from mambamed.segmentation.settings import SegmentationSettings

__all__ = ["add_arguments", "example_image", "run"]

_IMAGE_IN_NILEARN = Path("datasets", "data", "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
_IMAGE_NAME = "ICBM152 T1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed demo``."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("mambamed-demo"), help="folder for the results (default: %(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace results that exist")
    parser.add_argument("--model", default=SegmentationSettings().model, help="model (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: auto)")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def example_image() -> Path:
    """Return the T1 template ICBM152 2009a (1 mm) that the Python package nilearn carries; nothing is downloaded.

    Raises:
        BadRequestError: nilearn is not installed.
    """
    found = importlib.util.find_spec("nilearn")  # finds its place without importing it
    for folder in (found.submodule_search_locations or []) if found is not None else []:
        if (path := Path(folder) / _IMAGE_IN_NILEARN).is_file():
            return path
    raise BadRequestError(
        "The example image comes with the Python package nilearn, which is missing; "
        "install what the demonstration needs with: pip install 'mambamed[demo]'"
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Segment the example image and write label map, volumes, picture, Slicer scene and run record."""
    from mambamed.cli.delivery import Delivery
    from mambamed.cli.running import run_and_deliver
    from mambamed.cli.tables import read_volumes

    image_file = example_image()
    model_path = Path(arguments.model)
    model = str(model_path.resolve()) if model_path.exists() else arguments.model
    request = segmentation_request([image_file], SegmentationSettings(model=model, device=arguments.device))
    output: Path = arguments.output.absolute()
    extras = {"picture": output / "overlay.png", "scene": output / "brain.mrb"}
    for path in (*extras.values(), output / "segmentation.nii.gz"):
        if path.exists() and not arguments.overwrite:
            raise BadRequestError(f"The output {path} exists already; choose another folder or use --overwrite.")
    delivery = Delivery(output, "segmentation", arguments.overwrite)
    if not arguments.json:
        print(f"Segmenting the {_IMAGE_NAME} template (1 mm, from nilearn) with {arguments.model} ...", flush=True)
    status, files = run_and_deliver(request, delivery, quiet=arguments.json)
    record = json.loads(files["record"].read_text(encoding="utf-8"))
    volumes = read_volumes(files["volumes"])
    notes = _write_extras(image_file, files, record, volumes, extras)
    if arguments.json:
        outputs = {name: str(path) for name, path in files.items()}
        report = {"state": "done", "outputs": outputs, "volumes": volumes, "warnings": [*status.warnings, *notes]}
        print(json.dumps(report))
    else:
        _print_text(files, record, volumes, notes)
    return ExitCode.DONE


def _write_extras(
    image_file: Path,
    files: dict[str, Path],
    record: dict[str, Any],
    volumes: list[dict[str, Any]],
    extras: dict[str, Path],
) -> list[str]:
    """Write picture and scene, adding them to ``files``; return what could not be written and why."""
    from mambamed.imaging.scene import write_scene

    notes = []
    labels = record["labels"]
    millilitres = {row["value"]: f"{row['volume_ml']:.0f} ml" for row in volumes}
    try:
        import SimpleITK as sitk

        from mambamed.imaging.reading import read_image
        from mambamed.segmentation.demo_picture import draw_overlay

        labels_with_volume = [{**label, "text": millilitres.get(label["value"], "")} for label in labels]
        title = f"{_IMAGE_NAME} with the segmentation by {record['model']['id']} (not for clinical use)"
        labelmap = sitk.ReadImage(str(files["segmentation"]))
        files["picture"] = draw_overlay(
            extras["picture"], read_image(image_file), labelmap, labels_with_volume, title, overwrite=True
        )
    except ModuleNotFoundError as error:
        notes.append(f"The picture was not drawn because the Python package {error.name} is missing.")
    try:
        files["scene"] = write_scene(
            extras["scene"], image_file, files["segmentation"], labels, _IMAGE_NAME, "Segmentation", overwrite=True
        )
    except MambaMedError as error:
        notes.append(str(error))
    return notes


def _print_text(
    files: dict[str, Path], record: dict[str, Any], volumes: list[dict[str, Any]], notes: list[str]
) -> None:
    from mambamed.cli.tables import format_table

    rows = [[row["name"], round(row["volume_ml"], 1)] for row in volumes]
    rows.append(["All together", round(sum(row["volume_ml"] for row in volumes), 1)])
    print()
    print(format_table(("Label", "Volume (ml)"), rows))
    print()
    backend = f", scan by {record['scan_backend']}" if record.get("scan_backend") else ""
    seconds = record["durations_s"]["total"]
    print(f"Computed in {seconds:.1f} s on {record.get('device')} with {record.get('dtype')}{backend}.")
    print()
    titles = {
        "segmentation": "Label map",
        "volumes": "Volumes",
        "picture": "Picture",
        "scene": "Scene for 3D Slicer",
        "record": "Run record",
    }
    width = max(len(title) for title in titles.values())
    for name, title in titles.items():
        if name in files:
            print(f"{title.ljust(width)}  {files[name]}")
    for note in notes:
        print(f"Warning: {note}")
