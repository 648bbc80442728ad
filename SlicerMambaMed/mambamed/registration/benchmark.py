"""How fast registration is here: describing, a global search, a deformable registration, on volumes made up for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from mambamed.errors import BadRequestError
from mambamed.registration.disa.describe import describe_prepared
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.precision import choose_format
from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.disa.weights import DEFAULT_MODEL
from mambamed.registration.disa.weights import load_network
from mambamed.registration.registration import register

__all__ = ["run"]

_DESCRIBED_SIDE = 256
_HEAD_SIZE = (91, 109, 91)
_DEFORMED_SIDE = 192
_VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (("", {}), (", diffeomorphic", {"diffeomorphic": True}))
_COLUMNS = ["What", "Target (s)", "Seconds", "Processor seconds"]


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure on this machine, on the CPU.

    Args:
        say: tells the user what is being measured.

    Returns:
        What ``mambamed bench`` writes.
    """
    network, trained = _network()
    methods = ("disa", "mind-ssc") if trained else ("mind-ssc",)
    tables = [_describing(network, say), _searching(methods, say), _deforming(methods, say)]
    notes = [
        f"{torch.get_num_threads()} threads. Seconds are those of the clock; processor seconds add up all threads. "
        "Where other work shares the processors, the clock runs longer.",
        "Volumes are filtered noise with a known motion between fixed and moving, in another contrast; errors are "
        "distances to it.",
    ]
    if not trained:
        notes.append(f'The weights "{DEFAULT_MODEL}" are not installed: the network was timed with random ones.')
    return {"title": "Registration", "tables": tables, "notes": notes}


def _network() -> tuple[DISANet, bool]:
    try:
        return load_network(DEFAULT_MODEL), True
    except BadRequestError:
        torch.manual_seed(0)
        return DISANet().eval(), False


def _describing(network: DISANet, say: Callable[[str], None]) -> dict[str, Any]:
    say(f"describing {_DESCRIBED_SIDE}^3 voxels")
    image = _texture((_DESCRIBED_SIDE,) * 3, 2.0, 0)
    rows = []
    prepared, clock, processor = _timed(lambda: prepare_volume(image, 2.0))
    rows.append([f"orient and normalise {_DESCRIBED_SIDE}^3", "", f"{clock:.2f}", f"{processor:.2f}"])
    device = torch.device("cpu")
    chosen = choose_format("auto", device)
    for precision in dict.fromkeys((chosen, "float32")):
        describe_prepared(prepared, network=network, precision=precision)
        work = partial(describe_prepared, prepared, network=network, precision=precision)
        times = [_timed(work) for _ in range(2)]
        clock, processor = min(item[1] for item in times), min(item[2] for item in times)
        name = f"DISA network, stride 4, {precision}" + (" (chosen here)" if precision == chosen else "")
        rows.append([name, "3" if precision == chosen else "", f"{clock:.2f}", f"{processor:.2f}"])
    return {"title": "Descriptors", "columns": _COLUMNS, "rows": rows}


def _searching(methods: tuple[str, ...], say: Callable[[str], None]) -> dict[str, Any]:
    image = _texture(_HEAD_SIZE, 2.0, 1)
    centre = image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in image.GetSize()])
    truth = sitk.Euler3DTransform(centre, 0.3, -0.2, 0.25, (25.0, -15.0, 30.0))
    moving = sitk.Resample(image, image, truth.GetInverse(), sitk.sitkLinear, 0.0)
    moving = 100.0 - moving + 0.3 * moving**2
    rows = []
    for method in methods:
        say(f"global search, {method}")
        settings: dict[str, Any] = {"search": "global-wide", "translation_range_mm": 60.0, "initial": "header"}
        register(image, moving, method, starts=4, cache=False, device="cpu", **settings)
        result, clock, processor = _timed(
            partial(register, image, moving, method, cache=False, device="cpu", **settings)
        )
        seconds = result.record["estimate_seconds"]["search"]
        error = _error_mm(result.transform, truth, image)
        spread = result.quality["restart_spread"]
        agreeing = f"{spread['agreeing']}/{spread['starts']}"
        rows.append([f"{method}: 500 starts and refinement", "3", f"{seconds:.2f}", "", f"{error:.2f}", agreeing])
        rows.append([f"{method}: the whole registration", "", f"{clock:.2f}", f"{processor:.2f}", "", ""])
    title = f"Rigid, global search, {' x '.join(map(str, _HEAD_SIZE))} voxels of 2 mm"
    return {"title": title, "columns": [*_COLUMNS, "Error (mm)", "Starts that agree"], "rows": rows}


def _deforming(methods: tuple[str, ...], say: Callable[[str], None]) -> dict[str, Any]:
    moving = _texture((_DEFORMED_SIDE,) * 3, 1.0, 2, detail_mm=6.0)
    field = _field(moving)
    fixed = sitk.Resample(moving, moving, field, sitk.sitkLinear, 0.0)
    identity = sitk.Transform(3, sitk.sitkIdentity)
    before = _error_mm(identity, field, fixed)
    rows = []
    for method in methods:
        for name, options in _VARIANTS:
            say(f"deformable, {method}{name}")
            settings: dict[str, Any] = {
                "search": "local",
                "initial": "header",
                "cache": False,
                "device": "cpu",
                **options,
            }
            result, clock, processor = _timed(partial(register, fixed, moving, method, "deformable", **settings))
            error = f"{before:.2f} -> {_error_mm(result.transform, field, fixed):.2f}"
            folded = f"{result.quality['folded_percent']:.3f}"
            rows.append([f"{method}{name}", "60", f"{clock:.1f}", f"{processor:.1f}", error, folded])
    title = f"Deformable, {_DEFORMED_SIDE}^3 voxels of 1 mm, affine part, field, inverse and Jacobian included"
    return {"title": title, "columns": [*_COLUMNS, "Error (mm)", "Folded (%)"], "rows": rows}


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - clock, time.process_time() - processor


def _texture(size: tuple[int, int, int], spacing_mm: float, seed: int, detail_mm: float = 8.0) -> sitk.Image:
    """Filtered noise, fading towards the borders."""
    noise = np.random.default_rng(seed).normal(size=size[::-1]).astype(np.float32)
    image = sitk.GetImageFromArray(noise)
    image.SetSpacing((spacing_mm,) * 3)
    image = sitk.SmoothingRecursiveGaussian(image, detail_mm / 2.0)
    array = sitk.GetArrayFromImage(image)
    window = np.einsum("i,j,k->ijk", *(np.hanning(count + 2)[1:-1] ** 0.5 for count in array.shape))
    result = sitk.GetImageFromArray((10.0 * array / array.std() * window).astype(np.float32))
    result.CopyInformation(image)
    return result


def _field(grid: sitk.Image) -> sitk.DisplacementFieldTransform:
    """A smooth random field, 12 mm at most, 0 at the borders; made on every eighth voxel."""
    size = [max(8, count // 8) for count in grid.GetSize()]
    spacing = [
        (count - 1) * own / (few - 1) for count, own, few in zip(grid.GetSize(), grid.GetSpacing(), size, strict=True)
    ]
    generator = np.random.default_rng(3)
    window = np.einsum("i,j,k->ijk", *(np.hanning(count) for count in reversed(size)))
    parts = []
    for _ in range(3):
        noise = sitk.GetImageFromArray(generator.normal(size=size[::-1]))
        parts.append(sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, 2.0)) * window)
    vectors = np.stack(parts, axis=-1)
    vectors *= 12.0 / np.linalg.norm(vectors, axis=-1).max()
    field = sitk.GetImageFromArray(vectors, isVector=True)
    field.SetSpacing(spacing)
    field.SetOrigin(grid.GetOrigin())
    field.SetDirection(grid.GetDirection())
    return sitk.DisplacementFieldTransform(field)


def _error_mm(found: sitk.Transform, truth: sitk.Transform, image: sitk.Image) -> float:
    indices = np.random.default_rng(1).uniform(0.2, 0.8, (300, 3)) * (np.array(image.GetSize()) - 1)
    points = [image.TransformContinuousIndexToPhysicalPoint(index.tolist()) for index in indices]
    differences = [np.subtract(found.TransformPoint(point), truth.TransformPoint(point)) for point in points]
    return float(np.linalg.norm(differences, axis=1).mean())
