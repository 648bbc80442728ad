"""Labels of brain tissue, with colours that colour-blind people can tell apart and codes of SNOMED CT."""

from __future__ import annotations

from mambamed.models.card import CardLabel

__all__ = ["BRAIN_TISSUE_LABELS"]

_ANATOMICAL_STRUCTURE = {"scheme": "SCT", "code": "123037004", "meaning": "Anatomical Structure"}
_BODY_SUBSTANCE = {"scheme": "SCT", "code": "91720002", "meaning": "Body substance"}
_BRAIN = {"scheme": "SCT", "code": "12738006", "meaning": "Brain"}

BRAIN_TISSUE_LABELS: tuple[CardLabel, ...] = (
    CardLabel(
        1,
        "Grey matter",
        (0, 158, 115),
        {
            "category": _ANATOMICAL_STRUCTURE,
            "type": {"scheme": "SCT", "code": "389081007", "meaning": "Gray matter"},
            "region": _BRAIN,
        },
    ),
    CardLabel(
        2,
        "White matter",
        (240, 228, 66),
        {
            "category": _ANATOMICAL_STRUCTURE,
            "type": {"scheme": "SCT", "code": "389080008", "meaning": "White matter"},
            "region": _BRAIN,
        },
    ),
    CardLabel(
        3,
        "Cerebrospinal fluid",
        (0, 114, 178),
        {
            "category": _BODY_SUBSTANCE,
            "type": {"scheme": "SCT", "code": "65216001", "meaning": "Cerebrospinal fluid"},
            "region": _BRAIN,
        },
    ),
)
"""Values 1, 2, 3; colours of Okabe and Ito. Together the three are the brain mask."""
