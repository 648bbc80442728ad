"""What a report says, and in which order."""

from __future__ import annotations

import pytest
from engine.emphysema.report.sample_record import sample_record
from mambamed.emphysema.report.document import Checks
from mambamed.emphysema.report.document import Code
from mambamed.emphysema.report.document import Facts
from mambamed.emphysema.report.document import Notice
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.document import Table
from mambamed.emphysema.report.explanation_section import check_of_record
from mambamed.emphysema.report.sections import build_document


def _sections(**changes):
    cards = [sample_record()["severity"]["model"]["card"]]
    document = build_document(sample_record(**changes), cards=cards)
    return {section.title: section.blocks for section in document.sections}


def _texts(blocks, kind="") -> str:
    return "\n".join(block.text for block in blocks if isinstance(block, Notice) and kind in ("", block.kind))


def test_the_order_of_the_sections():
    assert list(_sections()) == [
        "Read first",
        "Acquisition",
        "Density",
        "Local patterns",
        "Severity (demonstration)",
        "Explanations and their checks",
        "Follow-up",
        "Model: Demonstration model",
        "Run record",
    ]


def test_warnings_failed_checks_and_the_demonstration_stand_before_every_number():
    blocks = _sections()["Read first"]
    assert [block.text for block in blocks[:2]] == sample_record()["warnings"]
    assert "Grad-CAM: randomised weights" in _texts(blocks, "failed")
    assert "demonstration model" in _texts(blocks, "demonstration")
    assert "not for clinical use" in _texts(blocks, "note")


def test_the_acquisition_says_what_is_not_known_and_where_values_come_from():
    (facts,) = _sections()["Acquisition"]
    rows = dict(facts.rows)
    assert rows["Reconstruction kernel"] == "B70f (from DICOM)"
    assert rows["Slice thickness"] == "5 mm"
    assert rows["Contrast agent"] == "no"
    assert rows["Scanner"] == "not known"
    assert rows["Trachea mean (HU)"] == "−985.2"


def test_the_density_tables_hold_every_region_and_measure_with_its_unit():
    density, attenuation = [block for block in _sections()["Density"] if isinstance(block, Table)]
    assert density.columns[:3] == ("Region", "Volume (l)", "Mass (g)")
    assert density.rows[0][:4] == ("whole lung", "5.12", "812", "−852")
    assert [row[0] for row in attenuation.rows] == list(sample_record()["regions"])
    assert attenuation.columns[1:5] == ("LAA−950 (%)", "LAA−925 (%)", "LAA−910 (%)", "LAA−856 (%)")
    assert attenuation.rows[3][attenuation.columns.index("Exponent D")] == "–"
    assert not any("Voxels" in column for table in (density, attenuation) for column in table.columns)


def test_the_severity_is_a_distribution_with_its_spread_and_never_one_bare_label():
    blocks = _sections()["Severity (demonstration)"]
    (table,) = [block for block in blocks if isinstance(block, Table)]
    assert [row[2] for row in table.rows] == ["5.0 %", "25.0 %", "60.0 %", "10.0 %"]
    assert [row[3] for row in table.rows] == ["100.0 %", "95.0 %", "70.0 %", "10.0 %"]
    text = _texts(blocks)
    assert "mild to severe" in text
    assert "mean grade 1.75, spread 0.70" in text
    assert "unlike those" in text
    assert "Demonstration" in text
    assert "grade: moderate" not in text
    assert "Distance from the training data" in dict(next(b for b in blocks if isinstance(b, Facts)).rows)


def test_without_a_demonstration_nothing_is_called_one():
    severity = {**sample_record()["severity"], "demonstration": False}
    sections = _sections(severity=severity)
    assert "Severity" in sections
    assert not _texts(sections["Read first"], "demonstration")


def test_failed_checks_are_shown_as_failed_and_those_not_made_as_not_made():
    blocks = _sections()["Explanations and their checks"]
    (checks,) = [block for block in blocks if isinstance(block, Checks)]
    assert [row.verdict for row in checks.rows] == ["passed", "FAILED", "not made"]
    assert checks.rows[1].measured == "0.930"
    assert "checks passed: 1, failed: 1" in _texts(blocks, "failed")


@pytest.mark.parametrize(
    ("value", "limit", "passed", "words"),
    [
        (0.2, 0.5, True, "at most 0.500"),
        (0.7, 0.5, False, "at most 0.500"),
        (0.7, 0.5, True, "at least 0.500"),
        (0.2, 0.5, False, "at least 0.500"),
        (0.2, None, None, "–"),
        (0.2, "below 1", True, "below 1"),
    ],
)
def test_a_limit_says_on_which_side_the_value_must_lie(value, limit, passed, words):
    check = check_of_record({"name": "a check", "value": value, "limit": limit, "passed": passed})
    assert check.expected == words


def test_the_follow_up_marks_changes_beyond_repeatability_and_states_the_limits():
    table, limits = [block for block in _sections()["Follow-up"] if isinstance(block, Table)]
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["LAA−950 (points)"] == "+3.2 *"
    assert row["Perc15 (HU)"] == "−9"
    assert ("LAA−950 (points)", "±1.6", "a study") in limits.rows


@pytest.mark.parametrize(
    ("part", "title"),
    [
        ("patterns", "Local patterns"),
        ("severity", "Severity (demonstration)"),
        ("explanations", "Explanations and their checks"),
        ("change", "Follow-up"),
    ],
)
def test_what_was_not_computed_is_left_out(part, title):
    assert title not in _sections(**{part: None})


def test_pictures_stand_in_their_sections_and_the_record_is_complete():
    drawn = {"overlays": [Picture(b"1", "overlay")], "explanations": [Picture(b"2", "map")]}
    document = build_document(sample_record(), pictures=drawn)
    sections = {section.title: section.blocks for section in document.sections}
    assert Picture(b"1", "overlay") in sections["Density"]
    assert Picture(b"2", "map") in sections["Explanations and their checks"]
    (code,) = [block for block in sections["Run record"] if isinstance(block, Code)]
    assert '"sha256": "' + "0" * 64 in code.text


def test_the_heading_names_the_case_without_its_folder():
    document = build_document(sample_record())
    assert document.subtitle == "case <7> & co.nii.gz · 2025-06-15 15:06 UTC · MambaMed 0.1.0"
    assert build_document(sample_record(), case="Case 7").subtitle.startswith("Case 7 · ")
