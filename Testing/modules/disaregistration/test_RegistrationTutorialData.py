"""The tutorial's CT is registered under an address and a checksum that name one file for ever."""

from __future__ import annotations

import re
from pathlib import Path

from extension.cmake_lists import REPOSITORY


def test_the_sample_is_registered_when_slicer_has_started(slicer_host):
    import SampleData

    SampleData.sources.clear()
    slicer_host.load(REPOSITORY / "DISARegistration" / "DISARegistration.py", enter=False)
    (source,) = [source for source in SampleData.sources if source.category == "MambaMed"]
    assert source.sampleName == "HeadCTTemplate"
    assert Path(source.thumbnailFileName).is_file()
    assert re.fullmatch(
        r"https://raw\.githubusercontent\.com/neurolabusc/Clinical/[0-9a-f]{40}/scct\.nii", source.uris[0]
    )
    assert re.fullmatch(r"SHA256:[0-9a-f]{64}", source.checksums[0])
