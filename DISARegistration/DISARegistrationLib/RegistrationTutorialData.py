"""The CT image of the tutorial of DISARegistration."""

from __future__ import annotations

from pathlib import Path

from SlicerMambaMedLib.SampleImage import SampleImage

__all__ = ["TUTORIAL_CT"]

# A template (C. Rorden et al., NeuroImage 61, 2012), BSD 2-clause, in the space of the MR template that the module
# SlicerMambaMed registers.
_COMMIT = "1b6bc35f55a5a3dcdc8f7c3e5d58ba3407171dcb"
TUTORIAL_CT = SampleImage(
    name="HeadCTTemplate",
    address=f"https://raw.githubusercontent.com/neurolabusc/Clinical/{_COMMIT}/scct.nii",
    sha256="8c1bc8f45e800bcb74a91ae5539afbe7cbc5b730109dccfa331d450b1cf208b3",
    fileName="HeadCTTemplate.nii",
    thumbnail=Path(__file__).parent.parent / "Resources" / "Icons" / "DISARegistrationTutorial.png",
)
