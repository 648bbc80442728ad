"""The scan of the tutorial, for Slicer's Sample Data module."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TUTORIAL_SCAN", "registerTutorialScan"]

CATEGORY = "MambaMed"
TUTORIAL_SCAN = "ChestCT64"

# A whole chest CT with emphysema, brought down to voxels of 4 mm: test data of the Chest Imaging Platform, under its
# BSD-style licence (docs/user/emphysema-xai.md has the notice). The commit and the checksum name one file for ever.
_COMMIT = "c73ca30a5f6d4e22ee2b812c7d38622190b03a0a"
ADDRESS = f"https://raw.githubusercontent.com/acil-bwh/ChestImagingPlatform/{_COMMIT}/Testing/Data/Input/ct-64.nrrd"
SHA256 = "d264f0133c25c81a2d18383bb93be55eddda26278fc06d000f717d0dda8ece03"


def registerTutorialScan() -> None:
    """Register the sample; nothing is downloaded before the user asks for it."""
    import SampleData

    if hasattr(SampleData.SampleDataLogic, "registerCustomSampleDataCategory"):
        SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    thumbnail = Path(__file__).parent.parent / "Resources" / "Icons" / "EmphysemaXAITutorial.png"
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=TUTORIAL_SCAN,
        thumbnailFileName=str(thumbnail),
        uris=ADDRESS,
        fileNames="ChestCT64.nrrd",
        checksums=f"SHA256:{SHA256}",
        nodeNames=TUTORIAL_SCAN,
    )
