"""The scan of the tutorial of EmphysemaXAI."""

from __future__ import annotations

from pathlib import Path

from SlicerMambaMedLib.SampleImage import SampleImage

__all__ = ["TUTORIAL_SCAN"]

# A whole chest CT with emphysema, brought down to voxels of 4 mm: test data of the Chest Imaging Platform, under its
# BSD-style licence (docs/user/emphysema-xai.md has the notice).
_COMMIT = "c73ca30a5f6d4e22ee2b812c7d38622190b03a0a"
TUTORIAL_SCAN = SampleImage(
    name="ChestCT64",
    address=f"https://raw.githubusercontent.com/acil-bwh/ChestImagingPlatform/{_COMMIT}/Testing/Data/Input/ct-64.nrrd",
    sha256="d264f0133c25c81a2d18383bb93be55eddda26278fc06d000f717d0dda8ece03",
    fileName="ChestCT64.nrrd",
    thumbnail=Path(__file__).parent.parent / "Resources" / "Icons" / "EmphysemaXAITutorial.png",
)
