"""The task ``detect``: a job directory's image and settings in, boxes, tables, markups and record out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mambamed.detection.annotations.dota_text import write_dota_text
from mambamed.detection.markups import markups_json
from mambamed.detection.model import load_detector
from mambamed.detection.predict import predict
from mambamed.detection.reading import read_picture_or_volume
from mambamed.detection.result import DetectionResult
from mambamed.detection.result import labels_json
from mambamed.detection.settings import DetectionSettings
from mambamed.detection.tables import annotated_objects
from mambamed.detection.tables import boxes_csv
from mambamed.detection.tables import objects_csv
from mambamed.errors import BadRequestError
from mambamed.imaging.writing import replace_atomically

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]


def run(request: JobRequest, job: JobContext) -> None:
    """Look for objects on the request's image and write what was found.

    Args:
        request: one input, ``image``; ``settings`` as ``DetectionSettings``. The input's ``spacing_is_known``, where it
            is there, says whether the size of its pixels is known.
        job: Reporter, place for files, record.

    Raises:
        BadRequestError: An input or settings that cannot be used; JobCancelledError when the user cancels.
    """
    settings = DetectionSettings.from_json(request.settings)
    if len(request.inputs) != 1 or request.inputs[0].get("name") != "image":
        names = ", ".join(str(item.get("name", "?")) for item in request.inputs) or "none"
        raise BadRequestError(f'The inputs are {names}; expected exactly one, named "image".')
    if not settings.model:
        raise BadRequestError("No model is chosen; `mambamed models list` shows those for detection.")
    item = request.inputs[0]
    with job.record.timed("read"):
        job.progress("reading", 0.0)
        image, spacing_is_known = read_picture_or_volume(item["path"], item.get("series"))
        spacing_is_known = bool(item.get("spacing_is_known", spacing_is_known))
    job.check_cancelled()
    with job.record.timed("load model"):
        job.progress("loading the model", 0.0)
        model = load_detector(settings.model, settings.device)
    result = predict(model, image, settings, job, spacing_is_known=spacing_is_known)
    with job.record.timed("write"):
        _write(result, job)
    # The job's record keeps the versions of all packages itself.
    record = {name: value for name, value in result.record.items() if name != "versions"}
    record["model"] = {**record["model"], "asked_for": settings.model}
    job.record.update(**record, labels=labels_json(result.labels), image=result.image.to_json())


def _write(result: DetectionResult, job: JobContext) -> None:
    def save(text: str, role: str, name: str) -> None:
        with replace_atomically(Path(job.output_path(name)), overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
        job.record.add_output(role, f"outputs/{name}")

    save(json.dumps(result.to_json(), indent=1, ensure_ascii=False), "detections", "detections.json")
    save(boxes_csv(result), "table", "detections.csv")
    if result.is_linked:
        save(objects_csv(result), "objects_table", "objects.csv")
    save(json.dumps(markups_json(result), indent=1, ensure_ascii=False), "markups", "detections.mrk.json")
    slices = result.image.slices
    if slices is None or slices[0] == slices[1]:
        write_dota_text(job.output_path("detections.txt"), annotated_objects(result.boxes))
        job.record.add_output("dota", "outputs/detections.txt")
        return
    for number in sorted({box.slice for box in result.boxes if box.slice is not None}):
        name = f"dota/slice_{number:04d}.txt"
        boxes = [box for box in result.boxes if box.slice == number]
        write_dota_text(job.output_path(name), annotated_objects(boxes))
        job.record.add_output(f"dota:{number}", f"outputs/{name}")
