"""The module's own self-test ("Reload and Test" in Slicer), with a tiny model and with the bundled one."""

from __future__ import annotations

import sys
import unittest

import pytest
from extension.cmake_lists import REPOSITORY
from modules.tiny_model import write_tiny_model


@pytest.fixture
def module(slicer_host, tmp_path):
    loaded = slicer_host.load(REPOSITORY / "SlicerMambaMed" / "SlicerMambaMed.py")
    loaded.logic.segmentation.session.settings.jobsFolder = tmp_path / "jobs"
    return loaded


def test_the_check_passes_with_any_model(module, tmp_path):
    from SlicerMambaMedLib.SelfTest import checkSegmentationOfPhantom

    model = write_tiny_model(tmp_path / "tiny")
    nodes = checkSegmentationOfPhantom(unittest.TestCase(), module.logic, str(model))
    assert nodes.segmentation.GetName() == "Phantom head segmentation"


@pytest.mark.slow
def test_the_self_test_passes_with_the_bundled_model(module):
    test = sys.modules[type(module.widget).__module__].SlicerMambaMedTest()
    test.runTest()
