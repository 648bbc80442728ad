"""The picture of the tutorial of OrientedDetection, which comes with the module."""

from __future__ import annotations

from pathlib import Path

from SlicerMambaMedLib.SampleImage import SampleImage

__all__ = ["SAMPLE_SEED", "SAMPLE_SIZE", "TUTORIAL_PICTURE"]

SAMPLE_SIZE = (192, 160)
SAMPLE_SEED = 2024
_RESOURCES = Path(__file__).parent.parent / "Resources"

# Picture 0 of the test split of mambamed.detection.synthetic, domain "ct", of the size and the seed above: what is
# where in it is known exactly. A test makes it again.
TUTORIAL_PICTURE = SampleImage(
    name="SyntheticNodules",
    address=(_RESOURCES / "Samples" / "SyntheticNodules.nrrd").as_uri(),
    sha256="fce46c6ee857751f96e0e75545311c90c087d22dcf6c2b6f35270d05fb97f531",
    fileName="SyntheticNodules.nrrd",
    thumbnail=_RESOURCES / "Icons" / "OrientedDetectionTutorial.png",
)
