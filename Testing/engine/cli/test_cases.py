from __future__ import annotations

import pytest
from mambamed.cli.cases import find_cases
from mambamed.errors import BadRequestError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folder_with_files_channels_and_dicom(tmp_path):
    touch(tmp_path, "b.nii.gz", "a_0000.nrrd", "a_0001.nrrd", "series/1", "series/2", "notes.txt", ".hidden.nii.gz")
    touch(tmp_path, "pair.hdr", "pair.img")
    (tmp_path / "empty").mkdir()
    found = {case.name: [image.name for image in case.images] for case in find_cases(tmp_path)}
    assert found == {
        "a": ["a_0000.nrrd", "a_0001.nrrd"],
        "b": ["b.nii.gz"],
        "pair": ["pair.hdr"],
        "series": ["series"],
    }


def test_table_names_cases_and_channels_relative_to_itself(tmp_path):
    table = tmp_path / "list.csv"
    content = "case,Image,notes,image_2\nfirst,x/a.nii,hello,b.nii\n\n,c.nii.gz,,d.nii\n"
    table.write_text("\ufeff" + content, encoding="utf-8")  # Excel begins its UTF-8 files so
    first, second = find_cases(table)
    assert first.name == "first"
    assert first.images == (tmp_path / "x" / "a.nii", tmp_path / "b.nii")
    assert second.name == "c"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no column whose name begins with image"),
        ("case,file\na,b\n", "found: case, file"),
        ("case,image,image_2\na,b.nii\n", "Line 2 .* lacks the path"),
        ("case,image\n../up,b.nii\n", "name of a case"),
        ("case,image\n", "There is no case"),
    ],
)
def test_tables_that_do_not_serve(tmp_path, content, words):
    table = tmp_path / "list.csv"
    table.write_text(content)
    with pytest.raises(BadRequestError, match=words):
        find_cases(table)


def test_sources_that_do_not_serve(tmp_path):
    touch(tmp_path, "a.txt")
    sources = ((tmp_path / "none", "does not exist"), (tmp_path / "a.txt", "neither"), (tmp_path, "no case"))
    for source, words in sources:
        with pytest.raises(BadRequestError, match=words):
            find_cases(source)
