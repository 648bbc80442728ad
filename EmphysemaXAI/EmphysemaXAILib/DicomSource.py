"""The DICOM files that a volume of the scene was loaded from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

__all__ = ["FOLDER_ATTRIBUTE", "SERIES_ATTRIBUTE", "DicomSource", "dicomSource"]

FOLDER_ATTRIBUTE = "MambaMed.DicomFolder"
SERIES_ATTRIBUTE = "MambaMed.DicomSeries"


@dataclass(frozen=True)
class DicomSource:
    """A series on disk.

    Attributes:
        folder: the folder of its files.
        seriesUid: which of the folder's series; empty when there is one only.
    """

    folder: Path
    seriesUid: str = ""

    def asInput(self) -> dict[str, Any]:
        """Return the entry of a job request's inputs that names this series."""
        entry: dict[str, Any] = {"name": "dicom", "path": str(self.folder)}
        if self.seriesUid:
            entry["series"] = self.seriesUid
        return entry


def dicomSource(volume: Any) -> DicomSource | None:
    """Return where a volume's DICOM files are, or None when it was not loaded from DICOM or they are gone.

    Slicer's DICOM module notes the instances of a volume in an attribute; the batch notes the folder.
    """
    folder = volume.GetAttribute(FOLDER_ATTRIBUTE)
    if folder:
        return DicomSource(Path(folder), volume.GetAttribute(SERIES_ATTRIBUTE) or "") if Path(folder).is_dir() else None
    database = getattr(slicer, "dicomDatabase", None)
    instances = (volume.GetAttribute("DICOM.instanceUIDs") or "").split()
    if database is None or not instances:
        return None
    file = database.fileForInstance(instances[0])
    if not file or not Path(file).is_file():
        return None
    return DicomSource(Path(file).parent, str(database.instanceValue(instances[0], "0020,000e") or ""))
