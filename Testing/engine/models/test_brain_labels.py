"""The labels of the brain model: values, colours that differ for colour-blind eyes, codes of the right shape.

Whether a code means what its label says is not something that this test can know; only the shape of an identifier of
SNOMED CT is checked (length and check digit), and the meaning where pydicom's dictionary lists the code.
"""

from __future__ import annotations

import itertools

import numpy
import pytest
from mambamed.models.brain_labels import BRAIN_TISSUE_LABELS
from mambamed.models.colours import LABEL_COLOURS
from pydicom.sr.codedict import codes

# Linear RGB as people without one kind of cone see it: Viénot, Brettel and Mollon, 1999 (red-green types).
SIMULATIONS = {
    "protanopia": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deuteranopia": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}


def all_codes():
    return [code for label in BRAIN_TISSUE_LABELS for code in label.terminology.values()]


def has_valid_check_digit(number: str) -> bool:
    """Verhoeff's check, from the dihedral group of order ten."""

    def product(a, b):
        rotation = (a % 5 + (b % 5 if a < 5 else -(b % 5))) % 5
        return rotation + 5 * ((a >= 5) != (b >= 5))

    permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for position, character in enumerate(reversed(number)):
        digit = int(character)
        for _ in range(position % 8):
            digit = permutation[digit]
        check = product(check, digit)
    return check == 0


def test_names_and_values():
    assert [label.name for label in BRAIN_TISSUE_LABELS] == ["Grey matter", "White matter", "Cerebrospinal fluid"]
    assert [label.value for label in BRAIN_TISSUE_LABELS] == [1, 2, 3]


def test_codes_have_the_shape_of_snomed_ct_identifiers():
    assert all_codes()
    for code in all_codes():
        assert code["scheme"] == "SCT"
        assert 6 <= len(code["code"]) <= 18
        assert has_valid_check_digit(code["code"]), code
        changed = code["code"][:-1] + str((int(code["code"][-1]) + 1) % 10)
        assert not has_valid_check_digit(changed)


def test_types_agree_with_the_dicom_dictionary():
    expected = [codes.SCT.GrayMatter, codes.SCT.WhiteMatter, codes.SCT.CerebrospinalFluid]
    assert [label.terminology["type"]["code"] for label in BRAIN_TISSUE_LABELS] == [code.value for code in expected]


@pytest.mark.parametrize("sight", ["normal", *SIMULATIONS])
def test_colours_differ_for_colour_blind_eyes(sight):
    for one, other in itertools.combinations([label.color for label in BRAIN_TISSUE_LABELS], 2):
        assert difference(one, other, sight) > 35
    for one, other in itertools.combinations(LABEL_COLOURS[:3], 2):
        assert difference(one, other, sight) > 20


def difference(one, other, sight):
    """Distance in CIELAB (2 is just visible)."""
    return float(numpy.linalg.norm(lab(one, sight) - lab(other, sight)))


def lab(colour, sight):
    value = numpy.array(colour) / 255
    linear = numpy.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    if sight in SIMULATIONS:
        linear = numpy.clip(numpy.array(SIMULATIONS[sight]) @ linear, 0, 1)
    to_xyz = numpy.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = numpy.cbrt(numpy.maximum(to_xyz @ linear / [0.95047, 1.0, 1.08883], 0.008856))
    return numpy.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
