"""The Slicer module DISARegistration: registration of volumes of different kinds with DISA, LC2 and MIND-SSC.

A thin shell: what it does is in ``DISARegistrationLib`` and ``SlicerMambaMedLib``, imported when the module is first
used, so that Slicer's start is not slowed down.
"""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget


class DISARegistration(ScriptedLoadableModule):
    """What the application shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("DISA Registration")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        self.parent.dependencies = ["SlicerMambaMed", "Transforms", "Segmentations", "SubjectHierarchy"]
        self.parent.contributors = ["MambaMed contributors"]
        self.parent.helpText = _(
            "Aligns two volumes of the same or of different kinds (MR, CT, ultrasound), rigidly or with a deformation. "
            "Choose a fixed and a moving volume and a preset, click Apply. The computation runs in a process of its "
            "own and can be cancelled at any time. Not for clinical use. "
            'See the <a href="{url}">user guide</a> for a tutorial.'
        ).format(url="https://github.com/mambamed/SlicerMambaMed/blob/main/docs/user/disa-registration.md")
        self.parent.acknowledgementText = _(
            "DISA: M. Ronchetti et al., MICCAI 2023. LC2: W. Wein et al., 2013. MIND-SSC: M. P. Heinrich et al., 2013."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """List the tutorial's CT image in the Sample Data module."""
    from DISARegistrationLib.RegistrationTutorialData import TUTORIAL_CT

    TUTORIAL_CT.register()


class DISARegistrationWidget(ScriptedLoadableModuleWidget):
    """Has the panel mounted at first use, and passes on what the application calls by name."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.logic = None
        self.mount = None
        self.panel = None

    def setup(self):
        """Called once, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from DISARegistrationLib.RegistrationWidget import RegistrationWidget
        from SlicerMambaMedLib.PanelMount import PanelMount

        self.logic = DISARegistrationLogic()
        self.mount = PanelMount(self, RegistrationWidget, self.logic.registration)

    def enter(self):
        """Called each time that the module is shown."""
        self.mount.enter()

    def exit(self):
        """Called each time that another module is shown."""
        self.mount.exit()

    def cleanup(self):
        """Called when the module is reloaded and when Slicer quits."""
        if self.mount is not None:
            self.mount.cleanup()

    def onReload(self):
        """Developer's reload button: read the libraries anew too; the engine and a running job live on."""
        self.mount.forgetLibraries()
        ScriptedLoadableModuleWidget.onReload(self)


class DISARegistrationLogic(ScriptedLoadableModuleLogic):
    """Registration for the panel and for scripts; works without a main window.

    Example::

        logic = slicer.util.getModuleLogic("DISARegistration")
        nodes = logic.register(mr, ct, preset="head-mr-ct")
        slicer.util.saveNode(nodes.transform, "ct_to_mr.h5")
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        from DISARegistrationLib.RegistrationLogic import RegistrationLogic

        self.registration = RegistrationLogic()

    def getParameterNode(self):
        """Return the scene's parameter node, wrapped."""
        from DISARegistrationLib.RegistrationParameterNode import RegistrationParameterNode

        return RegistrationParameterNode(super().getParameterNode())

    def start(self, request):
        """Start a ``RegistrationRequest`` and return the running ``SceneJob`` at once."""
        return self.registration.start(request)

    def register(self, fixed, moving, preset="custom", **choices):
        """Register, wait for the result and return its nodes; see ``RegistrationLogic.register``."""
        return self.registration.register(fixed, moving, preset, **choices)

    def undo(self, transform):
        """Take a result back; see ``RegistrationLogic.undo``."""
        self.registration.undo(transform)


class DISARegistrationTest(ScriptedLoadableModuleTest):
    """The self-test of the module in the application (Reload and Test, and CTest)."""

    def setUp(self):
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run all self-tests."""
        self.setUp()
        self.test_findsAKnownMotion()

    def test_findsAKnownMotion(self):
        """Register a synthetic head with its own moved copy and look at what is left of the motion."""
        from DISARegistrationLib.RegistrationSelfTest import checkRegistrationOfPhantom

        checkRegistrationOfPhantom(self, DISARegistrationLogic())
        self.delayDisplay("The motion of the phantom was found.")
