"""The Slicer module SlicerMambaMed: segmentation with U-Mamba and every nnU-Net v2 model.

A thin shell: what it does is in ``SlicerMambaMedLib``, imported when the module is first used, so that Slicer's start
is not slowed down.
"""

import sys

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin


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
    from SlicerMambaMedLib.TutorialData import registerTutorialData

    registerTutorialData()


class SlicerMambaMedWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Mounts the panel and passes on the life of the module and of the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        """Called once, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from SlicerMambaMedLib.SegmentationWidget import SegmentationWidget

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SlicerMambaMed.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = SlicerMambaMedLogic()
        self.panel = SegmentationWidget(self.ui, self.logic.segmentation)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndClose)
        self.initializeParameterNode()

    def enter(self):
        """Called each time that the module is shown."""
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self):
        """Called each time that another module is shown."""
        self.panel.setParameterNode(None)

    def cleanup(self):
        """Called when the module is reloaded and when Slicer quits."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None

    def onSceneStartClose(self, caller, event):
        """Let go of the scene's parameter node before it goes away."""
        self.panel.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        """Show the parameter node of the emptied or loaded scene."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Show the scene's parameter node."""
        self.panel.setParameterNode(self.logic.getParameterNode())

    def onReload(self):
        """Developer's reload button: read the library anew too; the engine and a running job live on."""
        from SlicerMambaMedLib.Reload import forgetLibrary

        forgetLibrary(sys.modules)
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
