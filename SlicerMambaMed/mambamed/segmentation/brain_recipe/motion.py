"""How a head moved between two scans of one session, found without any segmentation."""

from __future__ import annotations

import SimpleITK as sitk

__all__ = ["rigid_motion"]


def rigid_motion(first: sitk.Image, second: sitk.Image) -> sitk.Transform:
    """Return the rigid transform that maps points of the first scan to the second (LPS, mm).

    Mattes mutual information over two resolutions, beginning where the scanner says that the scans lie; the samples
    are drawn with a fixed seed. It is for motion of a centimetre or two, as between the sequences of one examination.

    Args:
        first: float32 scan.
        second: float32 scan of the same head, any contrast.
    """
    centre = first.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2.0 for size in first.GetSize()])
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(40)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(learningRate=1.0, minStep=1e-4, numberOfIterations=150)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([2.0, 0.0])
    method.SetInitialTransform(sitk.Euler3DTransform(centre), False)
    return method.Execute(first, second)
