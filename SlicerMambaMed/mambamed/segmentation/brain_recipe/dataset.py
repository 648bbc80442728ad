"""Write synthetic heads as an nnU-Net data set: anatomical classes as the image, tissues as the labels."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from mambamed.jobs.reporter import Reporter
from mambamed.segmentation.brain_recipe.anatomy import build_anatomy
from mambamed.segmentation.brain_recipe.anatomy import draw_anatomy
from mambamed.segmentation.brain_recipe.classes import TISSUE_NAMES
from mambamed.segmentation.brain_recipe.classes import TISSUE_OF_CLASS
from mambamed.segmentation.brain_recipe.template import Template
from mambamed.segmentation.brain_recipe.template import load_template

__all__ = ["HEAD_SHAPE", "SPACING_MM", "write_dataset"]

SPACING_MM = 2.0
HEAD_SHAPE = (104, 120, 104)

_template: Template | None = None


def _start_worker() -> None:
    global _template
    torch.set_num_threads(1)
    _template = load_template()


def _write_case(folder: str, number: int, seed: int) -> None:
    if _template is None:
        raise RuntimeError("the worker has no template")
    draw = draw_anatomy(np.random.default_rng([seed, number]))
    anatomy = build_anatomy(_template, draw, HEAD_SHAPE, SPACING_MM)
    for array, path in (
        (anatomy, f"imagesTr/head_{number:03d}_0000.nii.gz"),
        (TISSUE_OF_CLASS[anatomy], f"labelsTr/head_{number:03d}.nii.gz"),
    ):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((SPACING_MM,) * 3)
        sitk.WriteImage(image, f"{folder}/{path}", useCompression=True, compressionLevel=1)


def write_dataset(folder: Path, heads: int, seed: int, reporter: Reporter, processes: int = 2) -> None:
    """Write ``heads`` heads with 2 mm voxels (LPS axes) and ``dataset.json`` into ``folder``.

    Each head depends on ``seed`` and its own number alone, so any part of the data set can be made again.
    """
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_start_worker) as pool:
        tasks = [pool.submit(_write_case, str(folder), number, seed) for number in range(heads)]
        try:
            for finished, task in enumerate(tasks, start=1):
                task.result()
                reporter.check_cancelled()
                reporter.progress(f"synthetic head {finished} of {heads}", finished / heads)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    description = {
        "channel_names": {"0": "noNorm"},
        "labels": TISSUE_NAMES,
        "numTraining": heads,
        "file_ending": ".nii.gz",
        "description": "Synthetic heads bent from the ICBM152 template; the image holds anatomical classes",
    }
    (folder / "dataset.json").write_text(json.dumps(description, indent=2), encoding="utf-8")
