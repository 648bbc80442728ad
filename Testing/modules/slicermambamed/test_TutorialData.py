"""SlicerMambaMedLib.TutorialData: the tutorial's image is registered, with the checksum of the real file."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from extension.cmake_lists import REPOSITORY


def test_the_sample_is_registered_when_slicer_has_started(slicer_host):
    import SampleData

    SampleData.sources.clear()
    slicer_host.load(REPOSITORY / "SlicerMambaMed" / "SlicerMambaMed.py", enter=False)
    (source,) = [source for source in SampleData.sources if source.category == "MambaMed"]
    assert source.sampleName == "ICBM152T1"
    assert Path(source.thumbnailFileName).is_file()
    data = Path(find_spec("nilearn").origin).parent / "datasets" / "data"
    name = source.uris[0].rpartition("/")[2]
    assert source.uris[0].startswith("https://raw.githubusercontent.com/nilearn/nilearn/")
    assert source.checksums == ["SHA256:" + hashlib.sha256((data / name).read_bytes()).hexdigest()]


def test_slicer_5_10_has_no_named_categories(slicer_host, monkeypatch):
    import SampleData
    from SlicerMambaMedLib.TutorialData import TUTORIAL_HEAD

    SampleData.sources.clear()
    monkeypatch.delattr(SampleData.SampleDataLogic, "registerCustomSampleDataCategory")
    TUTORIAL_HEAD.register()
    assert [source.sampleName for source in SampleData.sources] == ["ICBM152T1"]
