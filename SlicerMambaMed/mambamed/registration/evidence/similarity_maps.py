"""A picture as Figure 1 of the DISA paper: similarity of one point of an image to every point of another.

Run it as ``python -m mambamed.registration.evidence.similarity_maps --data DIR --output FILE.png``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch.nn import functional

from mambamed.registration.disa.describe import describe_prepared
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.prepare import PreparedVolume
from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.disa.weights import load_network
from mambamed.registration.evidence.case_list import build_case
from mambamed.registration.similarity.self_similarity import mind_ssc

__all__ = ["PointMaps", "draw_similarity_maps", "maps_of_point"]

_REACH = 8
_ROWS = (
    ("us-mr", (0.0, 0.0, 0.0)),
    ("head-mr-ct", (22.0, -18.0, 6.0)),
    ("head-t1-t2", (0.0, -10.0, 5.0)),
)
"""Case, and the marked point relative to the middle of its points (LPS mm)."""


@dataclass(frozen=True)
class PointMaps:
    """One row of the picture: a plane of both images and the similarities of the marked point to the second plane.

    Attributes:
        source: plane (Y, X) of the fixed image through the point.
        target: plane of the moving image, in fixed space.
        maps: by method, (Y, X); the larger, the more similar.
        point: column and row of the point, which is also the right answer.
        spacing_mm: of the planes.
    """

    source: NDArray[np.float32]
    target: NDArray[np.float32]
    maps: dict[str, NDArray[np.float32]]
    point: tuple[int, int]
    spacing_mm: float


def maps_of_point(fixed: sitk.Image, aligned: sitk.Image, point_mm: NDArray[np.float64], network: DISANet) -> PointMaps:
    """Compare the point of the fixed image with every point of the same axial plane of the moving image.

    Args:
        fixed: the image with the marked point.
        aligned: the moving image resampled onto the grid of the fixed one.
        point_mm: LPS mm.
        network: DISA network.
    """
    volumes = [prepare_volume(image) for image in (fixed, aligned)]
    geometry = volumes[0].geometry
    where = np.round(geometry.physical_to_index() @ np.array([*point_mm, 1.0]))[:3].astype(int)
    x, y, z = (int(value) for value in where)
    planes = [volume.tensor[0, 0, :, :, z].T.numpy() for volume in volumes]
    descriptors = [describe_prepared(volume, 1, network=network, precision="float32").tensor for volume in volumes]
    disa = torch.einsum("c,cxy->xy", descriptors[0][0, :, x, y, z], descriptors[1][0, :, :, :, z])
    minds = [mind_ssc(volume.tensor) for volume in volumes]
    mind = -(minds[1][0, :, :, :, z] - minds[0][0, :, x, y, z][:, None, None]).square().mean(dim=0)
    maps = {"LC2": _lc2_plane(volumes, (x, y, z)), "MIND-SSC": mind, "DISA-LC2": disa}
    arrays = {name: np.asarray(values.T.numpy(), np.float32) for name, values in maps.items()}
    return PointMaps(planes[0], planes[1], arrays, (x, y), geometry.spacing_mm[0])


def _lc2_plane(volumes: list[PreparedVolume], index: tuple[int, int, int]) -> torch.Tensor:
    """LC2 of the cube around the point with the cubes around all points of its plane, (X, Y), mean of the radii."""
    first, second = (functional.pad(volume.tensor, (_REACH,) * 6, mode="replicate") for volume in volumes)
    x, y, z = index
    side = 2 * _REACH + 1
    cube = first[:, :, x : x + side, y : y + side, z : z + side]
    slab = second[:, :, :, :, z : z + side]
    total = torch.zeros(volumes[1].tensor.shape[2:4])
    for radius in (3, 5, 7):
        inner = slice(_REACH - radius - 1, _REACH + radius + 2)
        total += _lc2_of_cube(cube[:, :, inner, inner, inner], slab[..., inner], radius)
    return total / 3.0


def _lc2_of_cube(cube: torch.Tensor, slab: torch.Tensor, radius: int) -> torch.Tensor:
    """LC2 of one cube (the explained) with the cubes of a slab (1, 1, X + 16, Y + 16, 2 r + 3): (X, Y)."""
    from mambamed.registration.similarity.gradient import gradient_magnitude
    from mambamed.registration.similarity.lc2_pairs import lc2_pairs_at_radius

    magnitude = gradient_magnitude(slab)
    first = _REACH - radius
    side = 2 * radius + 1
    rows = []
    for start in range(slab.shape[2] - 2 * _REACH):
        block = slice(start + first, start + first + side)
        image, slopes = (
            values[0, 0, block, first : slab.shape[3] - first, 1:-1].unfold(1, side, 1).permute(1, 0, 3, 2).flatten(1)
            for values in (slab, magnitude)
        )
        rows.append(lc2_pairs_at_radius(cube[0, 0, 1:-1, 1:-1, 1:-1].reshape(1, -1), image, slopes)[0])
    return torch.stack(rows)


def draw_similarity_maps(data: Path, output: Path, network: DISANet) -> None:
    """Draw one row per case of ``_ROWS``."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(_ROWS), 5, figsize=(12.5, 2.6 * len(_ROWS)), constrained_layout=True)
    for row, (name, offset) in zip(axes, _ROWS, strict=True):
        case = build_case(name, data)
        aligned = sitk.Resample(case.moving, case.fixed, case.truth, sitk.sitkLinear, 0.0)
        maps = maps_of_point(case.fixed, aligned, case.points_mm.mean(axis=0) + np.array(offset), network)
        _draw_row(row, name, maps)
    figure.savefig(output, dpi=80)
    pyplot.close(figure)


def _draw_row(row: Any, name: str, maps: PointMaps) -> None:
    images = {f"fixed ({name})": maps.source, "moving, aligned": maps.target, **maps.maps}
    for axis, (title, values) in zip(row, images.items(), strict=True):
        is_map = title in maps.maps
        axis.imshow(values, cmap="inferno" if is_map else "gray", interpolation="nearest")
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
        axis.plot(*maps.point, marker="o", markersize=9, fillstyle="none", color="white" if is_map else "cyan")


def main() -> None:
    """Command line: draw the picture."""
    parser = argparse.ArgumentParser(description="Draw similarity maps of marked points: LC2, MIND-SSC, DISA.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the images")
    parser.add_argument("--output", type=Path, required=True, help="PNG to write")
    parser.add_argument("--model", default="disa-lc2", help="DISA model or weights (default: disa-lc2)")
    arguments = parser.parse_args()
    draw_similarity_maps(arguments.data, arguments.output, load_network(arguments.model))


if __name__ == "__main__":
    main()
