"""Codes of what is measured: SNOMED CT and UCUM where they have one, else a private scheme with a plain meaning."""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

__all__ = ["AIRWAYS", "ANATOMY", "CHANGED_TISSUE", "EMPHYSEMA", "LUNG", "lobe_code", "measure_code", "region_site"]

ANATOMY = Code("123037004", "SCT", "Anatomical Structure")
CHANGED_TISSUE = Code("49755003", "SCT", "Morphologically Altered Structure")
LUNG = Code("39607008", "SCT", "Lung")
AIRWAYS = Code("44567001", "SCT", "Trachea")
EMPHYSEMA = Code("87433001", "SCT", "Pulmonary emphysema")
LEFT = Code("7771000", "SCT", "Left")
RIGHT = Code("24028007", "SCT", "Right")
UPPER = Code("261183002", "SCT", "Upper")
MIDDLE = Code("261123003", "SCT", "Middle")
LOWER = Code("261122008", "SCT", "Lower")

_PRIVATE_SCHEME = "99MAMBAMED"
_LITRE = Code("l", "UCUM", "liter")
_GRAM = Code("g", "UCUM", "gram")
_MILLILITRE = Code("ml", "UCUM", "milliliter")
_LOBES = {
    "left upper lobe": Code("44714003", "SCT", "Upper lobe of left lung"),
    "left lower lobe": Code("41224006", "SCT", "Lower lobe of left lung"),
    "right upper lobe": Code("42400003", "SCT", "Upper lobe of right lung"),
    "right middle lobe": Code("72481006", "SCT", "Middle lobe of right lung"),
    "right lower lobe": Code("266005", "SCT", "Lower lobe of right lung"),
}
_MEASURES = {
    "volume_l": (Code("118565006", "SCT", "Volume"), _LITRE),
    "mass_g": (Code("118538004", "SCT", "Mass"), _GRAM),
    "mean_hu": (Code("112305", "DCM", "Mean Attenuation Coefficient"), codes.UCUM.HounsfieldUnit),
    "sd_hu": (Code("112306", "DCM", "Standard Deviation of Attenuation Coefficient"), codes.UCUM.HounsfieldUnit),
    "perc15_hu": (Code("PERC15", _PRIVATE_SCHEME, "15th percentile of attenuation"), codes.UCUM.HounsfieldUnit),
    "perc10_hu": (Code("PERC10", _PRIVATE_SCHEME, "10th percentile of attenuation"), codes.UCUM.HounsfieldUnit),
    "haa_percent": (Code("HAA", _PRIVATE_SCHEME, "High attenuation area percentage"), codes.UCUM.Percent),
    "cluster_count": (Code("LACN", _PRIVATE_SCHEME, "Number of low attenuation clusters"), codes.UCUM.NoUnits),
    "cluster_exponent": (Code("LACD", _PRIVATE_SCHEME, "Low attenuation cluster exponent D"), codes.UCUM.NoUnits),
    "largest_cluster_ml": (Code("LACMAX", _PRIVATE_SCHEME, "Largest low attenuation cluster"), _MILLILITRE),
}


def measure_code(name: str) -> tuple[Code, Code] | None:
    """Return name and unit of a measure, None for what is no measurement."""
    if name.startswith("laa") and name.endswith("_percent"):
        threshold = name[3:].split("_")[0]
        meaning = f"Low attenuation area percentage below -{threshold} HU"
        return Code(f"LAA{threshold}"[:16], _PRIVATE_SCHEME, meaning), codes.UCUM.Percent
    return _MEASURES.get(name)


def lobe_code(name: str) -> Code:
    """Return the code of a lobe by its name; the code of a lobe of the lung in general for other names."""
    return _LOBES.get(name.lower(), Code("90572001", "SCT", "Lobe of lung"))


def region_site(name: str) -> tuple[Code, Code | None, Code | None]:
    """Return anatomy, side, and part of a region by its name."""
    words = name.lower().split()
    side = LEFT if "left" in words else RIGHT if "right" in words else None
    if "lobe" in words:
        return lobe_code(name), side, None
    parts = {"upper": UPPER, "middle": MIDDLE, "lower": LOWER}
    part = next((code for word, code in parts.items() if word in words), None)
    return LUNG, side, part
