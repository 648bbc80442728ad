"""Stand-in for Slicer's SampleData module: keeps what modules register, and 'downloads' from local files only."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from urllib.parse import urlparse

import slicer

__all__ = ["SampleDataLogic", "SampleDataSource", "categories", "downloadSample", "downloadSamples", "sources"]


@dataclass
class SampleDataSource:
    """One registered data set."""

    sampleName: str
    category: str = ""
    thumbnailFileName: str | None = None
    uris: list[str] = field(default_factory=list)
    fileNames: list[str | None] = field(default_factory=list)
    nodeNames: list[str | None] = field(default_factory=list)
    checksums: list[str | None] = field(default_factory=list)
    loadFiles: list[bool | None] = field(default_factory=list)
    loadFileTypes: list[str | None] = field(default_factory=list)
    sampleDescription: str | None = None


sources: list[SampleDataSource] = []
"""Everything registered since the start."""

categories: dict[str, str] = {}
"""Category name -> title (Slicer 5.12)."""


def _as_list(value: Any, count: int) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [value] * count


class SampleDataLogic:
    """The class methods with which modules register, and the download."""

    @staticmethod
    def registerCustomSampleDataCategory(name: str, title: str | None = None) -> None:
        """Name a category (Slicer 5.12 and newer)."""
        categories[name] = title or name

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
        loadFileType: Any = None,
        loadFiles: Any = None,
        loadFileProperties: Any = None,
        checksums: Any = None,
        sampleDescription: str | None = None,
    ) -> None:
        """Register one data set; a checksum is 'SHA256:' and 64 hexadecimal digits."""
        addresses = _as_list(uris, 1)
        count = len(addresses)
        if any(address is None for address in addresses) or sampleName is None:
            raise ValueError("a sample needs a name and an address")
        made = SampleDataSource(
            sampleName,
            category,
            thumbnailFileName,
            addresses,
            _as_list(fileNames, count),
            _as_list(nodeNames, count),
            _as_list(checksums, count),
            _as_list(loadFiles, count),
            _as_list(loadFileType, count),
            sampleDescription,
        )
        for values in (made.fileNames, made.nodeNames, made.checksums):
            if len(values) != count:
                raise ValueError(f"{sampleName}: {count} addresses, but {len(values)} of another list")
        for checksum in made.checksums:
            if checksum is not None:
                slicer.util.extractAlgoAndDigest(checksum)
        sources[:] = [other for other in sources if (other.category, other.sampleName) != (category, sampleName)]
        sources.append(made)

    def downloadFromSource(self, source: SampleDataSource) -> list[Any]:
        """Check the sum of local files (``file://`` addresses) and load them."""
        nodes = []
        for uri, name, checksum, load in zip(
            source.uris, source.nodeNames, source.checksums, source.loadFiles, strict=True
        ):
            parsed = urlparse(uri)
            if parsed.scheme not in ("", "file"):
                raise RuntimeError(f"the stand-in host has no network: {uri}")
            path = Path(unquote(parsed.path))
            if checksum is not None:
                algorithm, digest = slicer.util.extractAlgoAndDigest(checksum)
                found = slicer.util.computeChecksum(algorithm, str(path))
                if found != digest:
                    raise ValueError(f"checksum of {path} is {found}, expected {digest}")
            if load is False:
                nodes.append(str(path))
                continue
            nodes.append(slicer.util.loadVolume(str(path), {"name": name} if name else {}))
        return nodes


def downloadSamples(sampleName: str) -> list[Any]:
    """Load every file of a registered sample."""
    for source in sources:
        if source.sampleName == sampleName:
            return SampleDataLogic().downloadFromSource(source)
    raise KeyError(f"no sample {sampleName!r} is registered")


def downloadSample(sampleName: str) -> Any:
    """Load a registered sample of one file."""
    return downloadSamples(sampleName)[0]
