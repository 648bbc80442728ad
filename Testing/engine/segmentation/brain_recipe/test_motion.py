from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from mambamed.segmentation.brain_recipe.motion import rigid_motion


def head(bright_inside: bool) -> sitk.Image:
    """Ellipsoids of skin, brain and a ventricle off the middle, with 4 mm voxels; two contrasts."""
    z, y, x = np.mgrid[-88:88:4, -108:108:4, -88:88:4].astype(np.float32)
    array = np.zeros(z.shape, np.float32)
    layers = (
        ((84.0, 100.0, 80.0), (0.0, 0.0, 0.0), 300.0, 500.0),
        ((70.0, 85.0, 66.0), (4.0, -3.0, 0.0), 150.0, 250.0),
        ((20.0, 34.0, 14.0), (12.0, 15.0, 16.0), 20.0, 700.0),
    )
    for (half_z, half_y, half_x), (at_z, at_y, at_x), dark, bright in layers:
        inside = ((z - at_z) / half_z) ** 2 + ((y - at_y) / half_y) ** 2 + ((x - at_x) / half_x) ** 2 <= 1
        array[inside] = bright if bright_inside else dark
    array += np.random.default_rng(3 + bright_inside).normal(0, 8, array.shape).astype(np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((4.0, 4.0, 4.0))
    image.SetOrigin((-88.0, -108.0, -88.0))
    return sitk.SmoothingRecursiveGaussian(image, 3.0)


def test_the_motion_between_two_contrasts_is_found_from_the_first_to_the_second() -> None:
    first, unmoved = head(bright_inside=False), head(bright_inside=True)
    truth = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.05, -0.04, 0.06, (6.0, -4.0, 8.0))
    # A point p of the first head lies at truth(p) in the second one.
    second = sitk.Resample(unmoved, unmoved, truth.GetInverse(), sitk.sitkLinear)
    found = rigid_motion(first, second)
    points = [(0.0, 0.0, 0.0), (40.0, -50.0, 30.0), (-50.0, 40.0, -30.0)]
    errors_mm = [np.linalg.norm(np.subtract(found.TransformPoint(p), truth.TransformPoint(p))) for p in points]
    assert max(errors_mm) < 2.0
