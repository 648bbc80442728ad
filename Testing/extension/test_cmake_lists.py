"""What the extension's build needs: lists that agree with the tree, a description that agrees with CMake."""

from __future__ import annotations

import json
import re
import struct

import pytest

from extension.cmake_lists import REPOSITORY
from extension.cmake_lists import expected_lists
from extension.cmake_lists import module_folders
from extension.cmake_lists import read_lists

TOP = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")


def _value(name: str) -> str:
    match = re.search(rf'^set\({name} "?([^")]*)"?\)', TOP, re.MULTILINE)
    assert match, f"{name} is not set in CMakeLists.txt"
    return match[1]


@pytest.mark.parametrize("folder", module_folders(), ids=lambda folder: folder.name)
def test_every_file_of_a_module_is_listed(folder):
    hint = "run: python Testing/extension/cmake_lists.py --write"
    assert read_lists(folder) == expected_lists(folder), hint


@pytest.mark.parametrize("folder", module_folders(), ids=lambda folder: folder.name)
def test_only_module_files_lie_directly_in_a_module_folder(folder):
    # Slicer takes every .py file there for a module and expects a class of the file's name in it.
    assert [path.name for path in folder.glob("*.py")] == [f"{folder.name}.py"]


def test_names_that_slicer_sees_are_unique_to_this_extension():
    for folder in module_folders():
        packages = {path.parent.name for path in folder.glob("*/__init__.py")}
        assert packages <= {f"{folder.name}Lib", "mambamed"}


def test_the_extension_is_named_and_described_as_the_index_wants_it():
    project = re.search(r"^project\((\w+)\)", TOP, re.MULTILINE)[1]
    description = json.loads((REPOSITORY / "Resources" / f"{project}.json").read_text(encoding="utf-8"))
    assert not project.startswith("Slicer")
    assert {"$schema", "category", "scm_url"} <= set(description)
    assert set(description) <= {
        "$schema",
        "build_dependencies",
        "build_subdirectory",
        "category",
        "dicom_support_rule",
        "enabled",
        "scm_revision",
        "scm_type",
        "scm_url",
        "tier",
    }
    assert description["category"] == "Segmentation"
    assert description["tier"] in (1, 3, 5)
    assert description["build_dependencies"] == _value("EXTENSION_DEPENDS").split()
    assert re.fullmatch(r"https://github\.com/[\w-]+/Slicer[\w-]*\.git", description["scm_url"])
    assert _value("EXTENSION_HOMEPAGE").startswith(description["scm_url"].removesuffix(".git"))
    assert 30 < len(_value("EXTENSION_DESCRIPTION")) < 400


@pytest.mark.parametrize("variable", ["EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"])
def test_the_pictures_of_the_catalog_are_in_the_repository(variable):
    for url in _value(variable).split():
        place = re.fullmatch(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/main/(.+\.(?:png|jpe?g))", url)
        assert place, f"{url} is no raw address of a picture"
        assert (REPOSITORY / place[1]).is_file()


def test_icons_are_128_pixels_wide_and_high():
    icons = [REPOSITORY / "Resources" / "MambaMed.png"]
    icons += [folder / "Resources" / "Icons" / f"{folder.name}.png" for folder in module_folders()]
    for icon in icons:
        content = icon.read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", content[16:24]) == (128, 128)


def test_the_parts_of_the_top_level_file_stand_in_the_order_that_slicer_needs():
    parts = ["cmake_minimum_required", "project(", "set(EXTENSION_", "find_package(Slicer REQUIRED)"]
    parts += ["include(${Slicer_USE_FILE})", "add_subdirectory(", "include(${Slicer_EXTENSION_GENERATE_CONFIG})"]
    parts += ["include(${Slicer_EXTENSION_CPACK})"]
    positions = [TOP.index(part) for part in parts]
    assert positions == sorted(positions)


def test_the_checkout_has_a_licence_and_is_small():
    assert (REPOSITORY / "LICENSE").is_file()
    files = [folder / name for folder in module_folders() for names in expected_lists(folder) for name in names]
    assert sum(path.stat().st_size for path in files) < 50e6
