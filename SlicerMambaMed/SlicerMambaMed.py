"""The Slicer module SlicerMambaMed: segmentation with U-Mamba and every nnU-Net v2 model.

A thin shell: what it does is in ``SlicerMambaMedLib``, imported when the module is first used, so that Slicer's start
is not slowed down.
"""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget


class SlicerMambaMed(ScriptedLoadableModule):
    """What the application shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MambaMed Segmentation")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "Terminologies", "SubjectHierarchy"]
        self.parent.contributors = ["MambaMed contributors"]
        self.parent.helpText = _(
            "Segments volumes with U-Mamba and every nnU-Net v2 model. Choose a volume and a model, click Apply. "
            "The computation runs in a process of its own and can be cancelled at any time. Not for clinical use. "
            'See the <a href="{url}">user guide</a> for a tutorial.'
        ).format(url="https://github.com/mambamed/SlicerMambaMed/blob/main/docs/user/slicer-mambamed.md")
        self.parent.acknowledgementText = _(
            "U-Mamba: J. Ma, F. Li, B. Wang, 2024. nnU-Net: F. Isensee et al., Nature Methods 18, 2021. "
            "Mamba: A. Gu, T. Dao, 2023."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """List the tutorial's image in the Sample Data module."""
    from SlicerMambaMedLib.TutorialData import TUTORIAL_HEAD

    TUTORIAL_HEAD.register()


class SlicerMambaMedWidget(ScriptedLoadableModuleWidget):
    """Has the panel mounted at first use, and passes on what the application calls by name."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.logic = None
        self.mount = None
        self.panel = None

    def setup(self):
        """Called once, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from SlicerMambaMedLib.PanelMount import PanelMount
        from SlicerMambaMedLib.SegmentationWidget import SegmentationWidget

        self.logic = SlicerMambaMedLogic()
        self.mount = PanelMount(self, SegmentationWidget, self.logic.segmentation)

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


class SlicerMambaMedLogic(ScriptedLoadableModuleLogic):
    """Segmentation for the panel and for scripts; works without a main window.

    Example::

        logic = slicer.util.getModuleLogic("SlicerMambaMed")
        nodes = logic.segment(volume, "brain-tissue-mr")
        slicer.util.saveNode(nodes.segmentation, "brain.seg.nrrd")
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        from SlicerMambaMedLib.SegmentationLogic import SegmentationLogic

        self.segmentation = SegmentationLogic()
        self.training = self.segmentation.training

    def getParameterNode(self):
        """Return the scene's parameter node, wrapped."""
        from SlicerMambaMedLib.SegmentationParameterNode import SegmentationParameterNode

        return SegmentationParameterNode(super().getParameterNode())

    def start(self, request):
        """Start a ``SegmentationRequest`` and return the running ``SceneJob`` at once."""
        return self.segmentation.start(request)

    def segment(self, inputs, model, **settings):
        """Segment, wait for the result and return its nodes; see ``SegmentationLogic.segment``."""
        return self.segmentation.segment(inputs, model, **settings)


class SlicerMambaMedTest(ScriptedLoadableModuleTest):
    """The self-test of the module in the application (Reload and Test, and CTest)."""

    def setUp(self):
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run all self-tests."""
        self.setUp()
        self.test_segmentsThePhantom()

    def test_segmentsThePhantom(self):
        """Segment a small synthetic head with the bundled model and look at the result's place."""
        from SlicerMambaMedLib.SelfTest import checkSegmentationOfPhantom

        checkSegmentationOfPhantom(self, SlicerMambaMedLogic())
        self.delayDisplay("The phantom was segmented.")
