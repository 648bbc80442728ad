"""The self-test of the module, as *Reload and Test* and CTest run it, here in the stand-in host."""

from __future__ import annotations

import unittest

from extension.cmake_lists import REPOSITORY


def test_the_motion_of_the_phantom_is_found(slicer_host, tmp_path):
    from DISARegistrationLib.RegistrationSelfTest import checkRegistrationOfPhantom

    module = slicer_host.load(REPOSITORY / "DISARegistration" / "DISARegistration.py")
    module.logic.registration.session.settings.jobsFolder = tmp_path / "jobs"
    nodes = checkRegistrationOfPhantom(unittest.TestCase(), module.logic)
    assert '"task": "register"' in nodes.record.GetText()
    module.logic.undo(nodes.transform)
    assert nodes.transform.GetScene() is None
