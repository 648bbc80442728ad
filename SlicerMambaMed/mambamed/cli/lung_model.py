"""Lungs or lobes by a segmentation model, as the first step of an emphysema analysis from the command line."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambamed.cli.delivery import Delivery
from mambamed.cli.emphysema_options import emphysema_request
from mambamed.cli.running import run_and_deliver
from mambamed.cli.segmentation_options import segmentation_request
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.engine import Engine
from mambamed.jobs.files import read_json
from mambamed.jobs.request import JobRequest
from mambamed.segmentation.settings import SegmentationSettings

__all__ = ["FOLDER", "choose_labels", "lungs_by_model"]

FOLDER = "lung-model"
"""Where, in the output folder, the segmentation with its own record is kept: the analysis' record points to it."""


@contextlib.contextmanager
def lungs_by_model(
    model: str,
    files: Mapping[str, Path | None],
    settings: EmphysemaSettings,
    delivery: Delivery,
    engine: Engine,
    quiet: bool,
) -> Iterator[JobRequest]:
    """Segment the CT with a model and give the request of the analysis that uses the result.

    Args:
        model: Bundled model, result folder or zip.
        files: Inputs of the analysis by name.
        settings: Settings of the analysis.
        delivery: Where the results of the analysis go.
        engine: Warm engine for both jobs.
        quiet: Draw no progress.

    Raises:
        BadRequestError: The model labels neither lungs nor lobes, or cannot be used.
    """
    folder = delivery.folder / FOLDER
    ct = files["ct"]
    assert ct is not None
    path = Path(model)
    request = segmentation_request(
        [ct],
        SegmentationSettings(
            model=str(path.resolve()) if path.exists() else model, device=settings.device, seed=settings.seed
        ),
    )
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _, delivered = run_and_deliver(request, Delivery(folder, "", False), quiet=quiet, engine=engine)
        role, changes = choose_labels(read_json(delivered["record"])["labels"], model)
        chosen = {**files, role: delivered["segmentation"]}
        yield emphysema_request(chosen, settings.replace(**changes))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        delivery.forget()
        raise


def choose_labels(labels: list[dict[str, Any]], model: str) -> tuple[str, dict[str, Any]]:
    """Choose the labels that are lobes or, without lobes, lungs.

    Args:
        labels: ``value`` and ``name`` of every label of the model.
        model: How a message calls the model.

    Returns:
        Name of the input (``lobes`` or ``lungs``) and the settings that tell its labels.

    Raises:
        BadRequestError: There are neither.
    """
    lobes = {int(label["value"]): str(label["name"]) for label in labels if "lobe" in str(label["name"]).lower()}
    if lobes:
        return "lobes", {"lobe_names": lobes}
    lungs = [int(label["value"]) for label in labels if "lung" in str(label["name"]).lower()]
    if lungs:
        return "lungs", {"lung_values": lungs}
    names = ", ".join(str(label["name"]) for label in labels[:8])
    raise BadRequestError(f"The model {model} labels {names}, expected labels of lungs or lobes; choose another model.")
