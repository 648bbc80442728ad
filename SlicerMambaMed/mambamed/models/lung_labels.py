"""Labels of lungs and airways, with colours that colour-blind people can tell apart and codes of SNOMED CT."""

from __future__ import annotations

from mambamed.models.card import CardLabel

__all__ = ["LUNG_LABELS"]

_ANATOMICAL_STRUCTURE = {"scheme": "SCT", "code": "123037004", "meaning": "Anatomical Structure"}
_LUNG = {"scheme": "SCT", "code": "39607008", "meaning": "Lung"}

LUNG_LABELS: tuple[CardLabel, ...] = (
    CardLabel(
        1,
        "Left lung",
        (0, 114, 178),
        {
            "category": _ANATOMICAL_STRUCTURE,
            "type": _LUNG,
            "type_modifier": {"scheme": "SCT", "code": "7771000", "meaning": "Left"},
        },
    ),
    CardLabel(
        2,
        "Right lung",
        (230, 159, 0),
        {
            "category": _ANATOMICAL_STRUCTURE,
            "type": _LUNG,
            "type_modifier": {"scheme": "SCT", "code": "24028007", "meaning": "Right"},
        },
    ),
    CardLabel(
        3,
        "Trachea and large airways",
        (0, 158, 115),
        {
            "category": _ANATOMICAL_STRUCTURE,
            "type": {"scheme": "SCT", "code": "89187006", "meaning": "Airway structure"},
        },
    ),
)
"""Values 1, 2, 3, as in the chest phantoms; colours of Okabe and Ito."""
