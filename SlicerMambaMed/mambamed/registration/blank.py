"""Blank parts of a volume: one value all the way to its border, where nothing was measured.

Around the fan of an ultrasound volume, around a brain without its skull, and where a volume was resampled beyond its
field of view, there is one value. The border of such a part is the strongest edge of the volume, yet no anatomy: it
draws similarities that look at edges and cubes to a wrong pose, for example a brain's outline to the skin of a whole
head. Mutual information looks at single voxels, and the overlap of backgrounds helps it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from mambamed.jobs.reporter import Reporter
from mambamed.registration.pair import ImagePair

__all__ = ["EDGE_METHODS", "shown_part", "without_blank_parts"]

EDGE_METHODS = ("disa", "mind-ssc", "lc2")
"""Similarities that look at edges: for these blank parts are left out."""

_LEAST_SHARE = 0.1
_LEAST_CONTRAST = 0.1
_COARSE_SAMPLES = 128
_GAP_VOXELS = 4
_CUBE = np.ones((3, 3, 3), bool)


def shown_part(volume: sitk.Image) -> sitk.Image | None:
    """Where a volume shows something.

    Blank is the commonest value of the volume's faces, wherever it fills space (single voxels of noise that have it by
    chance do not count) and is joined to a face.

    Args:
        volume: scalar volume.

    Returns:
        uint8 on the grid of the volume, 0 where it is blank; None if less than a tenth is blank, or if the rest is so
        even that the volume shows little but the border of the blank part (a label map).
    """
    values = sitk.GetArrayViewFromImage(volume)
    faces = [np.take(values, end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    candidates, counts = np.unique(np.concatenate(faces), return_counts=True)
    value = candidates[counts.argmax()]
    equal = values == value
    blank = equal & _joined_to_border(equal)
    share = float(blank.mean())
    rest = values[~blank]
    if share < _LEAST_SHARE or rest.size == 0:
        return None
    if float(rest.std()) < _LEAST_CONTRAST * abs(float(rest.mean(dtype=np.float64)) - float(value)):
        return None
    shown = sitk.GetImageFromArray((~blank).astype(np.uint8))
    shown.CopyInformation(volume)
    return shown


def without_blank_parts(pair: ImagePair, method: str, reporter: Reporter) -> ImagePair:
    """The pair with blank parts left out of each volume without a mask, if fields of view differ and edges count.

    Where both volumes show the same, the outline of the body helps, and they stay as they are.
    """
    if not pair.fields_differ or method not in EDGE_METHODS:
        return pair
    found = {}
    for name, mask, volume in (
        ("fixed", pair.fixed_shown, pair.fixed),
        ("moving", pair.moving_mask, pair.moving),
    ):
        shown = shown_part(volume) if mask is None else None
        if shown is not None:
            share = 1.0 - float(sitk.GetArrayViewFromImage(shown).mean())
            reporter.log(f"{100.0 * share:.0f} % of the {name} volume are blank up to its border; they do not count.")
            found[name] = shown
    return replace(
        pair, fixed_shown=found.get("fixed", pair.fixed_shown), moving_mask=found.get("moving", pair.moving_mask)
    )


def _joined_to_border(equal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels whose neighbourhood is joined to a face of the volume by ``equal`` ones, seen on a coarse grid."""
    steps = [max(1, -(-count // _COARSE_SAMPLES)) for count in equal.shape]
    coarse = equal[:: steps[0], :: steps[1], :: steps[2]]
    filled = ndimage.binary_dilation(ndimage.binary_erosion(coarse, _CUBE, border_value=1), _CUBE)
    pieces, _ = ndimage.label(coarse & filled)
    at_border = {
        int(piece) for axis in range(3) for end in (0, -1) for piece in np.unique(np.take(pieces, end, axis=axis))
    }
    joined = np.isin(pieces, sorted(at_border - {0}))
    # Narrow gaps between the anatomy and a face were closed above.
    joined = ndimage.binary_dilation(joined, _CUBE, iterations=_GAP_VOXELS, mask=coarse)
    # One coarse voxel more, since the finer ones between them are looked at by themselves.
    joined = ndimage.binary_dilation(joined, _CUBE)
    for axis, step in enumerate(steps):
        joined = joined.take(np.minimum(np.arange(equal.shape[axis]) // step, joined.shape[axis] - 1), axis=axis)
    return joined
