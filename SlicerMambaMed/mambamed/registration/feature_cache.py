"""Features of volumes kept in the user's cache folder, in 8 bits, so that a second registration begins at once.

Features of DISA and MIND-SSC lie between -1 and 1, so one component is at most 1/254 off after rounding
(``LARGEST_COMPONENT_ERROR``). With the cache on, a registration takes the rounded features in any case: the result does
not depend on whether they came from the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from safetensors import SafetensorError
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch import nn

from mambamed.registration.disa.quantised import quantise
from mambamed.registration.disa.weights import default_network
from mambamed.registration.features import FeatureVolume
from mambamed.registration.features import describe_image
from mambamed.registration.geometry import GridGeometry
from mambamed.user_folders import cache_folder

__all__ = ["MOST_BYTES", "describe_cached", "rounded"]

_VERSION = 2
MOST_BYTES = 1_000_000_000
"""The oldest files go when the cache grows beyond this."""


def describe_cached(
    image: sitk.Image,
    method: str,
    *,
    mask: sitk.Image | None = None,
    region: sitk.Image | None = None,
    folder: Path | None = None,
    **options: Any,
) -> FeatureVolume:
    """Features of an image as ``describe_image`` computes them, rounded to 8 bits, from the cache if they are there.

    Args:
        image: scalar 3D image.
        method: "disa" or "mind-ssc".
        mask: where the image shows something that counts.
        region: where it counts besides.
        folder: the cache; None takes ``features`` in the user's cache folder. One that cannot be written is done
            without.
        **options: further arguments of ``describe_image``.
    """
    home = cache_folder() / "features" if folder is None else folder
    if method == "disa" and options.get("network") is None:
        options = {**options, "network": default_network()}
    file = home / f"{_key((image, mask, region), method, options)}.safetensors"
    found = _read(file)
    if found is None:
        found = rounded(describe_image(image, method, mask=mask, region=region, **options))
        with contextlib.suppress(OSError, SafetensorError):
            _write(file, found)
            _forget_oldest(home, file)
    return found


def rounded(volume: FeatureVolume) -> FeatureVolume:
    """The features after rounding to 8 bits."""
    values = quantise(volume.features, volume.geometry).dequantise()
    return FeatureVolume(values, volume.weights, volume.geometry, volume.inside)


def _key(volumes: Sequence[sitk.Image | None], method: str, options: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(f"{_VERSION} {method}".encode())
    for volume in volumes:
        if volume is not None:
            grid = (volume.GetSize(), volume.GetSpacing(), volume.GetOrigin(), volume.GetDirection())
            digest.update(repr((grid, volume.GetPixelIDTypeAsString())).encode())
            digest.update(np.ascontiguousarray(sitk.GetArrayViewFromImage(volume)).data)
        digest.update(b"|")
    for name in sorted(options):
        value = options[name]
        digest.update(f"{name}=".encode())
        if isinstance(value, nn.Module):
            for key, tensor in value.state_dict().items():
                digest.update(key.encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        else:
            digest.update(str(value).encode())
    return digest.hexdigest()[:40]


def _write(file: Path, volume: FeatureVolume) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {
        "features": quantise(volume.features, volume.geometry).values.contiguous(),
        "weights": volume.weights.float().contiguous(),
    }
    if volume.inside is not None:
        tensors["inside"] = volume.inside.to(torch.uint8).contiguous()
    descriptor, temporary = tempfile.mkstemp(prefix=".part-", dir=file.parent)
    os.close(descriptor)
    try:
        save_file(tensors, temporary, {"geometry": json.dumps(asdict(volume.geometry))})
        os.replace(temporary, file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _read(file: Path) -> FeatureVolume | None:
    """What the file holds; None if it is not there or damaged."""
    with contextlib.suppress(OSError, SafetensorError, ValueError, KeyError, TypeError):
        if not file.is_file():
            return None
        with safe_open(str(file), framework="pt") as content:
            grid = json.loads(content.metadata()["geometry"])
            geometry = GridGeometry(**{name: tuple(value) for name, value in grid.items()})
            features = content.get_tensor("features")
            weights = content.get_tensor("weights")
            inside = content.get_tensor("inside").float() if "inside" in content.keys() else None  # noqa: SIM118
        if tuple(weights.shape) != geometry.size or tuple(features.shape[2:]) != geometry.size:
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        return FeatureVolume(features.float() / 127, weights, geometry, inside)
    return None


def _forget_oldest(folder: Path, newest: Path) -> None:
    """Remove the files that were used longest ago until the rest fits."""
    files = [(path.stat().st_mtime_ns, path.stat().st_size, path) for path in folder.glob("*.safetensors")]
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= MOST_BYTES or path == newest:
            break
        path.unlink(missing_ok=True)
        total -= size
