"""The image of the tutorial of SlicerMambaMed."""

from __future__ import annotations

from pathlib import Path

from SlicerMambaMedLib.SampleImage import SampleImage

__all__ = ["TUTORIAL_HEAD"]

# A public template (average of 152 adults), free to use with the notice in docs/user/slicer-mambamed.md.
_COMMIT = "a5fa8b96e3765dccd2a20005aead0c4229fa7653"
_FILE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
TUTORIAL_HEAD = SampleImage(
    name="ICBM152T1",
    address=f"https://raw.githubusercontent.com/nilearn/nilearn/{_COMMIT}/nilearn/datasets/data/{_FILE}",
    sha256="421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
    fileName="ICBM152T1.nii.gz",
    thumbnail=Path(__file__).parent.parent / "Resources" / "Icons" / "SlicerMambaMedTutorial.png",
)
