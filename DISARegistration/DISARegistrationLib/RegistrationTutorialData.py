"""The CT image of the tutorial, for Slicer's Sample Data module."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TUTORIAL_CT", "registerRegistrationTutorialData"]

CATEGORY = "MambaMed"
TUTORIAL_CT = "HeadCTTemplate"

# A template (C. Rorden et al., NeuroImage 61, 2012), BSD 2-clause, in the space of the MR template that the module
# SlicerMambaMed registers. The commit in the address and the checksum name one and the same file for ever.
_COMMIT = "1b6bc35f55a5a3dcdc8f7c3e5d58ba3407171dcb"
ADDRESS = f"https://raw.githubusercontent.com/neurolabusc/Clinical/{_COMMIT}/scct.nii"
SHA256 = "8c1bc8f45e800bcb74a91ae5539afbe7cbc5b730109dccfa331d450b1cf208b3"


def registerRegistrationTutorialData() -> None:
    """Register the sample; nothing is downloaded before the user asks for it."""
    import SampleData

    if hasattr(SampleData.SampleDataLogic, "registerCustomSampleDataCategory"):
        SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    thumbnail = Path(__file__).parent.parent / "Resources" / "Icons" / "DISARegistrationTutorial.png"
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=TUTORIAL_CT,
        thumbnailFileName=str(thumbnail),
        uris=ADDRESS,
        fileNames="HeadCTTemplate.nii",
        checksums=f"SHA256:{SHA256}",
        nodeNames=TUTORIAL_CT,
    )
