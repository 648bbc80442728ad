"""The task ``register``: a job directory's inputs and settings in, transforms, volumes and record out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image
from mambamed.imaging.writing import replace_atomically
from mambamed.imaging.writing import write_image
from mambamed.models.catalogue import find_model
from mambamed.registration.landmarks import read_landmarks
from mambamed.registration.registration import register_pair
from mambamed.registration.result import RegistrationResult
from mambamed.registration.settings import RegistrationSettings

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["INPUT_NAMES", "read_transform", "run"]

INPUT_NAMES = (
    "fixed",
    "moving",
    "fixed-mask",
    "moving-mask",
    "initial-transform",
    "fixed-landmarks",
    "moving-landmarks",
)
_TRANSFORM_SUFFIXES = (".tfm", ".txt", ".h5", ".hdf5", ".mat", ".xfm")


def run(request: JobRequest, job: JobContext) -> None:
    """Register the request's volumes and write what was asked for.

    Args:
        request: ``inputs`` by the names of ``INPUT_NAMES``; ``settings`` as ``RegistrationSettings``.
        job: Reporter, place for files, record.

    Raises:
        BadRequestError: Inputs or settings that cannot be used; JobCancelledError when the user cancels.
    """
    settings = RegistrationSettings.from_json(request.settings)
    inputs = _by_name(request)
    with job.record.timed("read"):
        images = {
            name: read_image(inputs[name]["path"], series=inputs[name].get("series"), check=False)
            for name in ("fixed", "moving", "fixed-mask", "moving-mask")
            if name in inputs
        }
        points = {name: read_landmarks(inputs[name]["path"]) for name in INPUT_NAMES[5:] if name in inputs}
        initial = read_transform(inputs["initial-transform"]["path"]) if "initial-transform" in inputs else None
    job.check_cancelled()
    result = register_pair(
        images["fixed"],
        images["moving"],
        settings,
        fixed_mask=images.get("fixed-mask"),
        moving_mask=images.get("moving-mask"),
        initial_transform=initial,
        fixed_landmarks=points.get("fixed-landmarks"),
        moving_landmarks=points.get("moving-landmarks"),
        reporter=job,
    )
    with job.record.timed("write"):
        _write(result, images["fixed"], settings, job)
    record = dict(result.record)
    # The job's record keeps the settings itself, as they were requested.
    record.pop("settings", None)
    if settings.network is not None:
        record["model"] = _identity(settings.network)
    if settings.compared_by == "disa" and not Path(settings.model).is_file():
        record["model" if settings.network is None else "similarity_model"] = _identity(settings.model)
    job.record.update(quality=dict(result.quality), **record)


def read_transform(path: str | Path) -> sitk.Transform:
    """Read a SimpleITK transform file.

    Raises:
        BadRequestError: it does not exist, is no transform, or not one of 3D points.
    """
    file = Path(path)
    if not file.is_file():
        raise BadRequestError(f"The transform {file} does not exist; check the path.")
    if file.suffix.lower() not in _TRANSFORM_SUFFIXES:
        raise BadRequestError(f"The file {file.name} is not a transform; expected {', '.join(_TRANSFORM_SUFFIXES)}.")
    try:
        transform = sitk.ReadTransform(str(file))
    except RuntimeError as error:
        raise BadRequestError(
            f"The file {file.name} is not a transform that can be read; expected one that SimpleITK or 3D Slicer wrote."
        ) from error
    if transform.GetDimension() != 3:
        raise BadRequestError(f"The transform {file.name} is {transform.GetDimension()}D, expected 3D.")
    return transform


def _identity(model: str) -> dict[str, Any]:
    """Identifier of a model and checksums of its weights."""
    card = find_model(model).card
    return {"id": card.id, "sha256": {item.path: item.sha256 for item in card.weights}}


def _by_name(request: JobRequest) -> dict[str, dict[str, Any]]:
    inputs: dict[str, dict[str, Any]] = {}
    for item in request.inputs:
        name = str(item.get("name"))
        if name not in INPUT_NAMES:
            raise BadRequestError(f'The input "{name}" is unknown; a registration takes {", ".join(INPUT_NAMES)}.')
        if name in inputs:
            raise BadRequestError(f'The input "{name}" is given twice; give it once.')
        inputs[name] = item
    for name in ("fixed", "moving"):
        if name not in inputs:
            raise BadRequestError(f"The {name} volume is not given; a registration needs a fixed and a moving volume.")
    return inputs


def _write(result: RegistrationResult, fixed: sitk.Image, settings: RegistrationSettings, job: JobContext) -> None:
    for role, transform in (("transform", result.transform), ("inverse", result.inverse)):
        name = f"{role}.h5"
        with replace_atomically(Path(job.output_path(name)), overwrite=True) as temporary:
            sitk.WriteTransform(transform, str(temporary))
        job.record.add_output(role, f"outputs/{name}")
    images: dict[str, tuple[str, sitk.Image]] = {}
    if settings.displacement and isinstance(result.transform, sitk.DisplacementFieldTransform):
        field = sitk.Cast(result.transform.GetDisplacementField(), sitk.sitkVectorFloat32)
        images["displacement"] = ("displacement.nrrd", field)
    if settings.warped:
        images["warped"] = ("warped.nii.gz", result.warped)
    if settings.jacobian:
        images["jacobian"] = ("jacobian.nii.gz", result.jacobian)
    if result.similarity_map is not None:
        images["similarity-map"] = ("similarity_map.nii.gz", result.similarity_map)
    for role, (name, image) in images.items():
        write_image(image, job.output_path(name), overwrite=True)
        job.record.add_output(role, f"outputs/{name}")
