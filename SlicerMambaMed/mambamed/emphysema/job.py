"""The task ``emphysema``: a job directory's CT and segmentations in, label maps, tables, report and record out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import SimpleITK as sitk

from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.acquisition_dicom import read_acquisition
from mambamed.emphysema.analysis import analyze_with
from mambamed.emphysema.reading import dicom_files
from mambamed.emphysema.reading import read_ct
from mambamed.emphysema.result import EmphysemaResult
from mambamed.emphysema.run_record import change_csv
from mambamed.emphysema.run_record import change_json
from mambamed.emphysema.run_record import measures_csv
from mambamed.emphysema.run_record import measures_json
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.emphysema.stages import StageReporter
from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image
from mambamed.imaging.writing import replace_atomically
from mambamed.imaging.writing import write_image
from mambamed.jobs.files import jsonable

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["INPUT_NAMES", "run"]

INPUT_NAMES = ("ct", "lungs", "lobes", "expert", "previous_ct", "previous_lungs", "previous_lobes", "dicom")


def run(request: JobRequest, job: JobContext) -> None:
    """Analyse the request's CT and write everything that was asked for.

    Args:
        request: ``inputs`` by name, see ``INPUT_NAMES``; ``settings`` as ``EmphysemaSettings``.
        job: Reporter, place for files, record.

    Raises:
        BadRequestError: Inputs or settings that cannot be used; JobCancelledError when the user cancels.
    """
    settings = EmphysemaSettings.from_json(request.settings)
    inputs = _inputs(request)
    with job.record.timed("read"):
        job.progress("reading", 0.0)
        ct, acquisition = read_ct(Path(inputs["ct"]["path"]), inputs["ct"].get("series"))
        if "dicom" in inputs:
            acquisition = _acquisition_of_series(inputs["dicom"])
        images: dict[str, Any] = {
            name: read_image(item["path"], series=item.get("series"))
            for name, item in inputs.items()
            if name not in ("ct", "previous_ct", "dicom")
        }
        earlier: dict[str, Any] = {}
        if "previous_ct" in inputs:
            item = inputs["previous_ct"]
            image, known = read_ct(Path(item["path"]), item.get("series"))
            earlier = {"previous_ct": image, "previous_acquisition": known}
    job.check_cancelled()
    reporter = StageReporter(job, 0.02, 0.9)
    result = analyze_with(ct, settings, known_acquisition=acquisition, reporter=reporter, **images, **earlier)
    job.check_cancelled()
    with job.record.timed("write"):
        _write_images(result, job)
        _write_tables(result, job)
    record = dict(result.record)
    # The job's record keeps these itself: settings as requested, versions of all packages, warnings as they came.
    for name in ("settings", "versions", "warnings"):
        record.pop(name, None)
    job.record.update(**record)
    _write_documents(result, ct, inputs["ct"], settings, job)


def _acquisition_of_series(item: Mapping[str, Any]) -> Acquisition:
    """Read the headers of the series that the CT was made from, where the CT itself comes as another format."""
    files = dicom_files(Path(item["path"]), item.get("series"))
    if not files:
        raise BadRequestError(f"No DICOM series was found in {item['path']}; expected the one that the CT came from.")
    return read_acquisition(files[0])


def _inputs(request: JobRequest) -> dict[str, Mapping[str, Any]]:
    """Return the inputs by name."""
    inputs: dict[str, Mapping[str, Any]] = {}
    for item in request.inputs:
        name = str(item.get("name", ""))
        if name not in INPUT_NAMES or name in inputs:
            raise BadRequestError(
                f'The input "{name}" is not one of the task or was given twice; expected each of '
                f"{', '.join(INPUT_NAMES)} once at most."
            )
        inputs[name] = item
    if "ct" not in inputs:
        raise BadRequestError('No CT is given, expected an input named "ct".')
    for name in ("lungs", "lobes"):
        if f"previous_{name}" in inputs and "previous_ct" not in inputs:
            raise BadRequestError(f'The input "previous_{name}" needs the earlier scan, "previous_ct".')
    return inputs


def _write_images(result: EmphysemaResult, job: JobContext) -> None:
    def save(image: sitk.Image | None, role: str, name: str) -> None:
        if image is not None:
            write_image(image, job.output_path(name), overwrite=True)
            job.record.add_output(role, f"outputs/{name}")

    save(result.thirds, "regions", "regions.nii.gz")
    save(result.lobes, "lobes", "lobes.nii.gz")
    save(result.airways, "airways", "airways.nii.gz")
    save(result.low_attenuation, "low_attenuation", "low_attenuation.nii.gz")
    save(result.patterns.labelmap if result.patterns is not None else None, "patterns", "patterns.nii.gz")
    for method, image in result.maps.items():
        save(image, f"explanation:{method}", f"explanation_{method}.nii.gz")


def _write_tables(result: EmphysemaResult, job: JobContext) -> None:
    def save(text: str, role: str, name: str) -> None:
        with replace_atomically(Path(job.output_path(name)), overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
        job.record.add_output(role, f"outputs/{name}")

    save(measures_csv(result.regions), "measures", "measures.csv")
    save(json.dumps(jsonable(measures_json(result)), indent=1), "measures_json", "measures.json")
    if result.change is not None:
        save(change_csv(result.change), "change", "change.csv")
        save(json.dumps(jsonable(change_json(result.change)), indent=1), "change_json", "change.json")


def _write_documents(
    result: EmphysemaResult, ct: sitk.Image, ct_input: Mapping[str, Any], settings: EmphysemaSettings, job: JobContext
) -> None:
    """Write DICOM files and the report; where a package for them is missing, that is a warning, the measures stand."""
    files = dicom_files(Path(ct_input["path"]), ct_input.get("series"))
    if settings.dicom_outputs and files:
        job.progress("writing DICOM", 0.92)
        job.check_cancelled()
        with job.record.timed("DICOM"):
            _write_dicom(result, files, job)
    if settings.report:
        job.progress("writing the report", 0.95)
        job.check_cancelled()
        with job.record.timed("report"):
            _write_report(result, ct, job)


def _write_dicom(result: EmphysemaResult, files: list[Path], job: JobContext) -> None:
    try:
        from mambamed.emphysema.dicom_output import write_dicom
    except ImportError as error:
        _warn_missing_package("dicom", "DICOM SEG and SR were", error, result, job)
        return
    folder = job.output_path("segmentation.dcm").parent
    for role, path in write_dicom(result, files, folder).items():
        job.record.add_output(role, f"outputs/{path.name}")


def _write_report(result: EmphysemaResult, ct: sitk.Image, job: JobContext) -> None:
    html, pdf = job.output_path("report.html"), job.output_path("report.pdf")
    try:
        from mambamed.emphysema.report import write_report

        write_report(result, ct, html, pdf)
    except ImportError as error:
        _warn_missing_package("report", "The report was", error, result, job)
        return
    for role, path in (("report", html), ("report_pdf", pdf)):
        if path.exists():
            job.record.add_output(role, f"outputs/{path.name}")


def _warn_missing_package(kind: str, what: str, error: ImportError, result: EmphysemaResult, job: JobContext) -> None:
    """Say that an optional package is missing; everything else of the analysis is there."""
    message = f'{what} not written: the Python package "{error.name}" is missing; install it to get them.'
    job.warning(message)
    result.record["warning_kinds"].append({"kind": kind, "message": message})
    job.record.update(warning_kinds=result.record["warning_kinds"])
