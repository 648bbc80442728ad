"""The table of pairs of a registration batch."""

from __future__ import annotations

import pytest
from mambamed.cli.pairs import find_pairs
from mambamed.errors import BadRequestError


def _table(tmp_path, text):
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_and_paths_are_read_and_empty_cells_are_left_out(tmp_path):
    text = (
        "\ufeffcase, Fixed,moving,moving_mask,fixed_landmarks\n"
        'one,mr.nii.gz,"sub/ct, new.nrrd",,points.csv\n\n,mr.nii.gz,us.mha,mask.nrrd,\n'
    )
    first, second = find_pairs(_table(tmp_path, text))
    assert first.name == "one"
    assert first.files == {
        "fixed": tmp_path / "mr.nii.gz",
        "moving": tmp_path / "sub" / "ct, new.nrrd",
        "fixed-landmarks": tmp_path / "points.csv",
    }
    assert second.name == "us_to_mr"
    assert second.files["moving-mask"] == tmp_path / "mask.nrrd"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "no column fixed"),
        ("fixed,case\na,b\n", "no column moving"),
        ("fixed,moving\n", "no pair"),
        ("fixed,moving\na.nii.gz,\n", "Line 2 .* lacks the path of the moving"),
        ("fixed,moving,weight\na,b,3\n", "unknown columns: weight"),
        ("case,fixed,moving\nx,a,b\nx,c,d\n", 'the case "x" a second time'),
        ("case,fixed,moving\n../x,a,b\n", "x"),
    ],
)
def test_another_form_is_refused_with_the_reason(tmp_path, text, cause):
    with pytest.raises(BadRequestError, match=cause):
        find_pairs(_table(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadRequestError, match="does not exist"):
        find_pairs(tmp_path / "none.csv")
