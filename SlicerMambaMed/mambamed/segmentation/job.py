"""The task ``segment``: a job directory's inputs and settings in, its output files and record out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image
from mambamed.imaging.writing import replace_atomically
from mambamed.imaging.writing import write_image
from mambamed.segmentation.instance_output import instance_image
from mambamed.segmentation.instance_output import instance_table
from mambamed.segmentation.model import SegmentationModel
from mambamed.segmentation.model import load_model
from mambamed.segmentation.predict import predict
from mambamed.segmentation.result import SegmentationResult
from mambamed.segmentation.settings import SegmentationSettings
from mambamed.segmentation.volumes import label_volumes
from mambamed.segmentation.volumes import volumes_csv

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]

_CACHE_KEY = "segmentation-model"


def run(request: JobRequest, job: JobContext) -> None:
    """Segment the request's inputs and write label map, volumes and what else was asked for.

    Args:
        request: ``inputs`` in the order of the model's channels; ``settings`` as ``SegmentationSettings``.
        job: Reporter, place for files, record.

    Raises:
        BadRequestError: Inputs or settings that cannot be used; JobCancelledError when the user cancels.
    """
    settings = SegmentationSettings.from_json(request.settings)
    if not request.inputs:
        raise BadRequestError("No input image is given, expected at least one.")
    with job.record.timed("read"):
        images = [read_image(item["path"], series=item.get("series")) for item in request.inputs]
    job.check_cancelled()
    with job.record.timed("load model"):
        job.progress("loading the model", 0.0)
        model = _model(settings, job.cache)
    result = predict(model, images, settings, job)
    with job.record.timed("write"):
        _write(result, job, with_instances=model.card.makes_instances)
    record = dict(result.record)
    # The job's record keeps these itself: settings as requested, versions of all packages, warnings as they came.
    for name in ("settings", "versions", "warnings"):
        record.pop(name, None)
    job.record.update(**record)


def _model(settings: SegmentationSettings, cache: dict[str, Any]) -> SegmentationModel:
    """Load a model, or take the one of the last job in this process if it is the same and its files are unchanged."""
    key = (settings.model, settings.folds, settings.checkpoint, settings.device)
    kept = cache.get(_CACHE_KEY)
    if kept is not None and kept[0] == key and kept[1] == _stamp(kept[2]):
        return kept[2]
    cache.pop(_CACHE_KEY, None)
    model = load_model(settings.model, settings.folds, settings.checkpoint, settings.device)
    cache[_CACHE_KEY] = (key, _stamp(model), model)
    return model


def _stamp(model: SegmentationModel) -> list[tuple[str, int, int]]:
    """Sizes and times of the model's files, to notice that they were replaced."""
    paths = [model.folder.path / "plans.json", model.folder.path / "dataset.json"]
    paths += [fold.path for fold in model.folder.folds]
    stamps = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            stamps.append((str(path), 0, 0))
            continue
        stamps.append((str(path), status.st_size, status.st_mtime_ns))
    return stamps


def _write(result: SegmentationResult, job: JobContext, with_instances: bool) -> None:
    def save(image: Any, role: str, name: str) -> None:
        write_image(image, job.output_path(name), overwrite=True)
        job.record.add_output(role, f"outputs/{name}")

    save(result.labelmap, "segmentation", "segmentation.nii.gz")
    if result.probabilities is not None:
        for label in result.labels:
            name = f"probability_{label.value:03d}_{_file_part(label.name)}.nii.gz"
            save(result.probabilities[label.name], f"probability:{label.name}", name)
    if result.uncertainty is not None:
        save(result.uncertainty, "uncertainty", "uncertainty.nii.gz")
    tables = {"volumes": volumes_csv(label_volumes(result.labelmap, result.labels))}
    if with_instances:
        instances = instance_image(result.labelmap)
        save(instances, "instances", "instances.tif" if instances.GetDimension() == 2 else "instances.nii.gz")
        tables["instance_table"] = instance_table(instances)
    for role, table in tables.items():
        with replace_atomically(Path(job.output_path(f"{role}.csv")), overwrite=True) as temporary:
            temporary.write_text(table, encoding="utf-8")
        job.record.add_output(role, f"outputs/{role}.csv")


def _file_part(name: str) -> str:
    """A label's name with only the characters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "label"
