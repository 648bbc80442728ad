"""The image of the tutorial, for Slicer's Sample Data module."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TUTORIAL_SAMPLE", "registerTutorialData"]

CATEGORY = "MambaMed"
TUTORIAL_SAMPLE = "ICBM152T1"

# A public template (average of 152 adults), free to use with the notice in docs/user/slicer-mambamed.md. The commit in
# the address and the checksum name one and the same file for ever.
_COMMIT = "a5fa8b96e3765dccd2a20005aead0c4229fa7653"
_FILE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
ADDRESS = f"https://raw.githubusercontent.com/nilearn/nilearn/{_COMMIT}/nilearn/datasets/data/{_FILE}"
SHA256 = "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6"


def registerTutorialData() -> None:
    """Register the sample; nothing is downloaded before the user asks for it."""
    import SampleData

    if hasattr(SampleData.SampleDataLogic, "registerCustomSampleDataCategory"):
        SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    thumbnail = Path(__file__).parent.parent / "Resources" / "Icons" / "SlicerMambaMedTutorial.png"
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=TUTORIAL_SAMPLE,
        thumbnailFileName=str(thumbnail),
        uris=ADDRESS,
        fileNames="ICBM152T1.nii.gz",
        checksums=f"SHA256:{SHA256}",
        nodeNames=TUTORIAL_SAMPLE,
    )
