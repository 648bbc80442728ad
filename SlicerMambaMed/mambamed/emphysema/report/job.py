"""The task ``emphysema-report``: a run record with its pictures or images in, HTML, PDF and DICOM files out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import SimpleITK as sitk

from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.restore import restore_result
from mambamed.emphysema.report.settings import ReportSettings
from mambamed.emphysema.report.write import LabelImage
from mambamed.emphysema.report.write import draw_charts
from mambamed.emphysema.report.write import draw_overlays
from mambamed.emphysema.report.write import joined
from mambamed.emphysema.report.write import write_files
from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]

_DRAWN = ("regions", "low_attenuation", "patterns")
_LABEL_MAPS = ("regions", "airways", "low_attenuation", "lobes", "patterns")
_DICOM_FORMATS = {"dicom-seg": "dicom_seg", "dicom-sr": "dicom_sr"}
_MAP_PREFIX = "explanation:"
_LARGEST_PICTURE_BYTES = 20_000_000
_PNG_BEGIN = b"\x89PNG\r\n\x1a\n"


def run(request: JobRequest, job: JobContext) -> None:
    """Write the report of a finished analysis.

    Args:
        request: ``inputs`` by name: ``record`` (JSON, needed), ``histogram`` (JSON with ``centres_hu`` and
            ``percent_per_hu``), any number of ``picture`` with ``section`` and ``caption`` (PNG); without pictures
            ``ct``, ``regions``, ``low_attenuation``, ``patterns`` and ``explanation:<method>`` (volumes), from which
            pictures are drawn; for the DICOM formats ``dicom`` (folder of the CT's series, ``series`` where it holds
            several) and the label maps. ``settings`` as ``ReportSettings``.
        job: Reporter, place for files, record.

    Raises:
        BadRequestError: Inputs or settings that cannot be used.
    """
    settings = ReportSettings.from_json(request.settings)
    inputs = {item["name"]: item for item in request.inputs if item["name"] != "picture"}
    if "record" not in inputs:
        raise BadRequestError("A report needs the run record of an analysis; no input named record was given.")
    record = _read_json(Path(inputs["record"]["path"]))
    job.progress("drawing", 0.05)
    histogram = _read_json(Path(inputs["histogram"]["path"])) if "histogram" in inputs else {}
    pictures = draw_charts(record, histogram.get("centres_hu", ()), histogram.get("percent_per_hu", {}))
    given = [item for item in request.inputs if item["name"] == "picture"]
    for item in reversed(given):
        pictures.setdefault(str(item.get("section", "overlays")), []).insert(0, _picture(item))
    if not given and {"ct", "regions"} <= set(inputs):
        pictures = joined(_draw(inputs, record), pictures)
    job.check_cancelled()
    job.progress("writing", 0.6)
    if set(settings.formats) & set(_DICOM_FORMATS):
        _write_dicom(inputs, record, settings, job)
    if "html" in settings.formats:
        write_files(record, pictures, job.output_path("report.html"), None, settings.case)
        job.record.add_output("report", "outputs/report.html")
    if "pdf" in settings.formats:
        write_files(record, pictures, None, job.output_path("report.pdf"), settings.case)
        job.record.add_output("report_pdf", "outputs/report.pdf")
    job.progress("writing", 1.0)


def _draw(inputs: Mapping[str, Mapping[str, Any]], record: Mapping[str, Any]) -> dict[str, list[Picture]]:
    labels = record.get("labels", {})
    label_images: dict[str, LabelImage] = {
        name: (_image(inputs[name]), labels.get(name, ())) for name in _DRAWN if name in inputs
    }
    maps = {name[len(_MAP_PREFIX) :]: _image(item) for name, item in inputs.items() if name.startswith(_MAP_PREFIX)}
    return draw_overlays(_image(inputs["ct"]), label_images, maps)


def _write_dicom(
    inputs: Mapping[str, Mapping[str, Any]], record: Mapping[str, Any], settings: ReportSettings, job: JobContext
) -> None:
    """Write DICOM SEG and SR that refer to the slices of the series that the CT came from."""
    if "dicom" not in inputs:
        raise BadRequestError("DICOM files must refer to the scan's own; no input named dicom was given.")
    from mambamed.emphysema.dicom_output import write_dicom
    from mambamed.emphysema.reading import dicom_files

    series = inputs["dicom"]
    folder = Path(series["path"])
    result = restore_result(
        record, {name: _image(inputs[name]) for name in _LABEL_MAPS if name in inputs}, _image(series)
    )
    wanted = {_DICOM_FORMATS[name] for name in settings.formats if name in _DICOM_FORMATS}
    target = job.output_path("measurements.dcm").parent
    for role, path in write_dicom(result, dicom_files(folder, series.get("series")), target).items():
        if role.partition(":")[0] in wanted:
            job.record.add_output(role, f"outputs/{path.name}")
        else:
            path.unlink()


def _image(item: Mapping[str, Any]) -> sitk.Image:
    return read_image(item["path"], series=item.get("series"))


def _picture(item: Mapping[str, Any]) -> Picture:
    path = Path(item["path"])
    content = path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST_PICTURE_BYTES else b""
    if not content.startswith(_PNG_BEGIN):
        raise BadRequestError(f"{path.name} is no PNG picture (or larger than 20 MB) and cannot stand in a report.")
    return Picture(content, str(item.get("caption", "")))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequestError(f"{path.name} cannot be read as JSON ({error}).") from error
    if not isinstance(content, dict):
        raise BadRequestError(f"{path.name} holds no JSON object.")
    return content
