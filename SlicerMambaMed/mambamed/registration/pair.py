"""The two images of a registration: checked, made comparable, with masks and where the search begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.imaging.checks import check_image
from mambamed.jobs.reporter import Reporter
from mambamed.registration.disa.prepare import WORKING_SPACING_MM
from mambamed.registration.field_of_view import different_fields_ml
from mambamed.registration.field_of_view import overlap_percent
from mambamed.registration.field_of_view import warn_of_different_fields
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.planar import is_planar
from mambamed.registration.planar import plane_frame
from mambamed.registration.settings import RegistrationSettings
from mambamed.registration.transforms import linear_matrix

__all__ = ["ImagePair", "as_volume", "prepare_pair"]

_BODY_MM = (60.0, 1000.0)
_SAMPLES_OTHERWISE = 160
_LUMINANCE = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class ImagePair:
    """What a registration works on; all geometry in LPS mm.

    Attributes:
        fixed: scalar float32 volume; a 2D image is one slice.
        moving: scalar float32 volume.
        moving_as_given: the moving volume in its own pixel type (colours included), to be resampled for the result.
        fixed_mask: uint8, 1 where the fixed volume counts (shows something, and in the region), or None for everywhere.
        fixed_shown: uint8, 1 where the fixed volume shows something that counts, or None for everywhere.
        region: uint8, 1 in the region of interest of the fixed volume, or None for everywhere.
        moving_mask: uint8, 1 where the moving volume shows something that counts, or None for everywhere.
        fields_differ: one volume shows much more of the body than the other.
        initial: affine transform fixed -> moving where the search begins.
        working_spacing_mm: spacing to which both are resampled.
        planar: both are single slices, moved within their plane.
    """

    fixed: sitk.Image
    moving: sitk.Image
    moving_as_given: sitk.Image
    fixed_mask: sitk.Image | None
    fixed_shown: sitk.Image | None
    region: sitk.Image | None
    moving_mask: sitk.Image | None
    fields_differ: bool
    initial: sitk.AffineTransform
    working_spacing_mm: float
    planar: bool


def prepare_pair(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: RegistrationSettings,
    reporter: Reporter,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial: sitk.Transform | None = None,
) -> ImagePair:
    """Check two images and bring them into the form that a registration works on.

    Raises:
        BadRequestError: an image, mask or initial transform that cannot be used, with one sentence that says why.
    """
    volumes = [as_volume(fixed, "the fixed volume", reporter), as_volume(moving, "the moving volume", reporter)]
    first, second = (GridGeometry.of_image(volume) for volume in volumes)
    planar = is_planar(first) and is_planar(second)
    if is_planar(second) and not planar:
        raise BadRequestError(
            "The moving volume is a single slice and the fixed one is not; exchange them, so that the slice is fixed."
        )
    masks = [
        _mask(mask, volume, f"the {name} mask")
        for mask, volume, name in ((fixed_mask, volumes[0], "fixed"), (moving_mask, volumes[1], "moving"))
    ]
    shown, region = masks[0], None
    if settings.region_of_interest_lps_mm is not None:
        region = _region(volumes[0], settings.region_of_interest_lps_mm)
        masks[0] = _both(region, shown)
    start = _initial(settings, first, second, masks, initial, planar)
    different = different_fields_ml(volumes[0], volumes[1], masks[0], masks[1])
    if different is not None:
        warn_of_different_fields(different, reporter)
    stays = settings.search in ("local", "none")
    if stays and overlap_percent(volumes[0], volumes[1], start, masks[0], masks[1]) == 0.0:
        raise BadRequestError(
            "The volumes do not overlap where the search would begin; begin with aligned centres, give an initial "
            "transform, or search globally."
        )
    return ImagePair(
        volumes[0],
        volumes[1],
        as_volume(moving, "the moving volume", None),
        masks[0],
        shown,
        region,
        masks[1],
        different is not None,
        start,
        settings.working_spacing_mm or _spacing_mm(first),
        planar,
    )


def as_volume(image: sitk.Image, name: str, reporter: Reporter | None) -> sitk.Image:
    """A scalar float32 volume of an image; ``reporter=None`` only makes it a volume and changes no value.

    A 2D image becomes one slice, a colour picture its luminance.

    Raises:
        BadRequestError: more than three axes, components that are no colours, absurd geometry, values that are not
            finite, a constant image.
    """
    if image.GetDimension() == 4:
        raise BadRequestError(f"{_sentence(name)} is a series over time (4D), expected one volume; choose one of them.")
    components = image.GetNumberOfComponentsPerPixel()
    if components not in (1, 3, 4):
        raise BadRequestError(f"There are {components} values per voxel in {name}, expected grey values or colours.")
    if image.GetDimension() == 2:
        image = sitk.JoinSeries([image])
    if reporter is None:
        return image
    check_image(image, name, dimensions=(3,))
    if components > 1:
        reporter.log(f"{_sentence(name)} is in colour; its luminance is compared.")
        channels = [sitk.VectorIndexSelectionCast(image, index, sitk.sitkFloat32) for index in range(3)]
        image = channels[0] * _LUMINANCE[0] + channels[1] * _LUMINANCE[1] + channels[2] * _LUMINANCE[2]
    image = sitk.Cast(image, sitk.sitkFloat32)
    if max(image.GetSize()) < 4 or sum(count > 1 for count in image.GetSize()) < 2:
        shown = " x ".join(map(str, image.GetSize()))
        raise BadRequestError(f"{_sentence(name)} has {shown} voxels, too few to be compared; choose another volume.")
    return image


def _sentence(name: str) -> str:
    return name[0].upper() + name[1:]


def _spacing_mm(fixed: GridGeometry) -> float:
    """2 mm for what has a body's size; else so that the longest side has 160 samples."""
    longest = max(count * step for count, step in zip(fixed.size, fixed.spacing_mm, strict=True) if count > 1)
    finest = min(step for count, step in zip(fixed.size, fixed.spacing_mm, strict=True) if count > 1)
    if _BODY_MM[0] <= longest <= _BODY_MM[1] and not is_planar(fixed):
        return WORKING_SPACING_MM
    return max(longest / _SAMPLES_OTHERWISE, finest)


def _mask(mask: sitk.Image | None, volume: sitk.Image, name: str) -> sitk.Image | None:
    """The mask on the volume's grid, uint8."""
    if mask is None:
        return None
    if mask.GetNumberOfComponentsPerPixel() != 1 or mask.GetDimension() not in (2, 3):
        raise BadRequestError(f"{_sentence(name)} must be a label map of one value per voxel; choose another.")
    if mask.GetDimension() == 2:
        mask = sitk.JoinSeries([mask])
    binary = sitk.Cast(mask != 0, sitk.sitkUInt8)
    binary = sitk.Resample(binary, volume, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    if not sitk.GetArrayViewFromImage(binary).any():
        raise BadRequestError(f"{_sentence(name)} covers nothing of its volume; choose one that covers a part of it.")
    return binary


def _region(volume: sitk.Image, region: tuple[float, ...]) -> sitk.Image:
    """The inside of a box along the patient's axes, as a mask."""
    matrix = GridGeometry.of_image(volume).index_to_physical()
    k, j, i = np.ogrid[tuple(slice(count) for count in reversed(volume.GetSize()))]
    inside = np.ones(volume.GetSize()[::-1], bool)
    for axis in range(3):
        low, high = sorted(region[2 * axis : 2 * axis + 2])
        place = matrix[axis, 0] * i + matrix[axis, 1] * j + matrix[axis, 2] * k + matrix[axis, 3]
        inside &= (place >= low) & (place <= high)
    box = sitk.GetImageFromArray(inside.astype(np.uint8))
    box.CopyInformation(volume)
    return box


def _both(box: sitk.Image, mask: sitk.Image | None) -> sitk.Image:
    """What lies in the region and in the mask, if there is one."""
    both = box if mask is None else box * mask
    if not sitk.GetArrayViewFromImage(both).any():
        raise BadRequestError(
            "The region of interest holds no voxel of the fixed volume (or of its mask); move or enlarge it."
        )
    return both


def _initial(
    settings: RegistrationSettings,
    first: GridGeometry,
    second: GridGeometry,
    masks: list[sitk.Image | None],
    initial: sitk.Transform | None,
    planar: bool,
) -> sitk.AffineTransform:
    matrix = np.eye(4)
    if settings.initial == "transform":
        if initial is None:
            raise BadRequestError(
                "The settings ask for an initial transform and none is given; give one, or begin with the header's "
                "positions or aligned centres."
            )
        matrix = linear_matrix(initial)
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-3:
            raise BadRequestError("The initial transform flattens space; give a rigid or affine one.")
    elif planar:
        matrix = plane_frame(first, second)
    if settings.initial == "centre":
        places = [
            geometry.centre_mm() if mask is None else _centroid_mm(mask)
            for geometry, mask in zip((first, second), masks, strict=True)
        ]
        matrix[:3, 3] = places[1] - matrix[:3, :3] @ places[0]
    transform = sitk.AffineTransform(3)
    centre = first.centre_mm()
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation((matrix[:3, :3] @ centre + matrix[:3, 3] - centre).tolist())
    return transform


def _centroid_mm(mask: sitk.Image) -> np.ndarray:
    index = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0).mean(axis=0)[::-1]
    return np.array(mask.TransformContinuousIndexToPhysicalPoint(index.tolist()))
