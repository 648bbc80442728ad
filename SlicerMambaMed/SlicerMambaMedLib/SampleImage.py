"""Images of the tutorials, for Slicer's Sample Data module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["SampleImage"]

CATEGORY = "MambaMed"


@dataclass(frozen=True)
class SampleImage:
    """An image that Slicer can download when the user asks for it; nothing is downloaded before.

    Attributes:
        name: of the sample and of its node.
        address: where it is; one with a commit in it names the same file for ever.
        sha256: checksum of the file.
        fileName: name of the file on the user's computer.
        thumbnail: picture for the list.
    """

    name: str
    address: str
    sha256: str
    fileName: str
    thumbnail: Path

    def register(self) -> None:
        """List the image in the Sample Data module."""
        import SampleData

        if hasattr(SampleData.SampleDataLogic, "registerCustomSampleDataCategory"):
            SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=self.name,
            thumbnailFileName=str(self.thumbnail),
            uris=self.address,
            fileNames=self.fileName,
            checksums=f"SHA256:{self.sha256}",
            nodeNames=self.name,
        )
