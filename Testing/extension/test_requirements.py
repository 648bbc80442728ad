"""The engine's list of packages for Slicer's Python is enough for its tasks, and replaces nothing of Slicer's."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from extension.cmake_lists import REPOSITORY

REQUIREMENTS = REPOSITORY / "SlicerMambaMed" / "Resources" / "MambaMedRequirements.txt"
TRAINING_REQUIREMENTS = REQUIREMENTS.with_name("MambaMedTrainingRequirements.txt")
IN_SLICER = "numpy scipy simpleitk requests urllib3 idna certifi charset-normalizer pydicom pillow packaging pip"
WITH_TORCH = "torch setuptools typing-extensions filelock fsspec jinja2 markupsafe mpmath networkx sympy"

# Runs in a process of its own; what is neither in Slicer, nor comes with torch, nor is in the list is hidden.
HIDE = """
import importlib.metadata, sys
allowed_packages = set(sys.argv[1].split())
owners = importlib.metadata.packages_distributions()
def name(text): return text.lower().replace("_", "-")
allowed = {top for top, found in owners.items() if any(name(package) in allowed_packages for package in found)}
class Only:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, full_name, path=None, target=None):
        top = full_name.partition(".")[0]
        if top in owners and top not in allowed and top not in sys.stdlib_module_names and top != "mambamed":
            return None  # as if it were not installed
        return self.finder.find_spec(full_name, path, target)
sys.meta_path[:] = [Only(finder) for finder in sys.meta_path]
"""
SEGMENT = """
from pathlib import Path
import numpy, SimpleITK
from mambamed.segmentation import load_model
from modules.tiny_model import write_tiny_model
image = SimpleITK.GetImageFromArray(numpy.random.default_rng(0).random((18, 20, 22)).astype("float32"))
image.SetSpacing((2.0, 3.0, 4.0))
print(load_model(write_tiny_model(Path(sys.argv[2]))).predict(image).labelmap.GetSize())
"""
REGISTER = """
import numpy, SimpleITK
from mambamed.registration import register
voxels = numpy.random.default_rng(0).random((9, 10, 11)).astype("float32").repeat(2, 0).repeat(2, 1).repeat(2, 2)
image = SimpleITK.GetImageFromArray(voxels)
image.SetSpacing((3.0, 3.0, 3.0))
for method, transform in (("ncc", "rigid"), ("mind-ssc", "deformable")):
    result = register(image, image, method, transform, initial="header", search="local", iterations=2, device="cpu")
print(result.warped.GetSize())
"""


# What a training imports, from the check of the data to the networks of the comparison.
IMPORT_TRAINING = """
import importlib
import mambamed.segmentation.training
import nnunetv2.experiment_planning.plan_and_preprocess_api
for name in ("umamba_bot", "umamba_enc", "planned", "compared"):
    importlib.import_module(f"mambamed.segmentation.trainers.{name}")
import mambamed.segmentation.networks.compared
print("imported")
"""


def _requirements(path: Path = REQUIREMENTS) -> list[Requirement]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


BOTH = (REQUIREMENTS, TRAINING_REQUIREMENTS)


@pytest.mark.parametrize(
    ("lists", "work", "printed"),
    [
        ((REQUIREMENTS,), SEGMENT, "(22, 20, 18)"),
        ((REQUIREMENTS,), REGISTER, "(22, 20, 18)"),
        (BOTH, IMPORT_TRAINING, "imported"),
    ],
)
def test_the_lists_are_enough(tmp_path, lists, work, printed):
    required = [_canonical(item.name) for path in lists for item in _requirements(path)]
    allowed = " ".join([IN_SLICER, WITH_TORCH, *required])
    search = [str(REPOSITORY / "SlicerMambaMed"), str(REPOSITORY / "Testing")]
    source = f"import sys; sys.path[:0] = {search!r}\n" + HIDE + work
    command = [sys.executable, "-c", source, allowed, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.stdout.strip().endswith(printed), run.stderr[-3000:]


@pytest.mark.parametrize("path", BOTH)
def test_nothing_of_slicers_own_is_in_the_list(path):
    assert not {_canonical(item.name) for item in _requirements(path)} & set(f"{IN_SLICER} {WITH_TORCH}".split())


@pytest.mark.parametrize("path", BOTH)
def test_the_versions_that_the_tests_ran_with_are_accepted(path):
    for item in _requirements(path):
        assert item.specifier.contains(metadata.version(item.name), prereleases=True), str(item)


@pytest.mark.parametrize("path", BOTH)
def test_every_package_tells_its_size(path):
    from SlicerMambaMedLib.RequiredPackage import readRequirements

    packages = readRequirements(path)
    assert len(packages) == len(_requirements(path))
    assert all(package.sizeMb > 0 for package in packages)
