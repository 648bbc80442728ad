"""The Slicer module OrientedDetection: tiny oriented objects on 2D images and on slices of volumes.

A thin shell: what it does is in ``OrientedDetectionLib`` and ``SlicerMambaMedLib``, imported when the module is first
used, so that Slicer's start is not slowed down.
"""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget


class OrientedDetection(ScriptedLoadableModule):
    """What the application shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Oriented Detection")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = ["SlicerMambaMed", "Markups", "SubjectHierarchy", "Tables"]
        self.parent.contributors = ["MambaMed contributors"]
        self.parent.helpText = _(
            "Finds tiny oriented objects on 2D images and on slices of volumes, and shows them as boxes with label and "
            "score. Choose an image and a model, click Apply. The computation runs in a process of its own and can be "
            "cancelled at any time. Not for clinical use. "
            'See the <a href="{url}">user guide</a> for a tutorial.'
        ).format(url="https://github.com/mambamed/SlicerMambaMed/blob/main/docs/user/oriented-detection.md")
        self.parent.acknowledgementText = _(
            "DCFL: C. Xu et al., Dynamic Coarse-to-Fine Learning for Oriented Tiny Object Detection, CVPR 2023."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """List the tutorial's image in the Sample Data module."""
    from OrientedDetectionLib.DetectionSample import TUTORIAL_PICTURE

    TUTORIAL_PICTURE.register()


class OrientedDetectionWidget(ScriptedLoadableModuleWidget):
    """Has the panel mounted at first use, and passes on what the application calls by name."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.logic = None
        self.mount = None
        self.panel = None

    def setup(self):
        """Called once, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from OrientedDetectionLib.DetectionWidget import DetectionWidget
        from SlicerMambaMedLib.PanelMount import PanelMount

        self.logic = OrientedDetectionLogic()
        self.mount = PanelMount(self, DetectionWidget, self.logic.detection)

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


class OrientedDetectionLogic(ScriptedLoadableModuleLogic):
    """Detection for scripts: everything is done by ``detection`` (a ``DetectionLogic``); works without a main window.

    Example::

        logic = slicer.util.getModuleLogic("OrientedDetection").detection
        nodes = logic.detect(image, logic.models.entries()[0].key)
        logic.save(nodes.record, "found.csv")
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        from OrientedDetectionLib.DetectionLogic import DetectionLogic

        self.detection = DetectionLogic()

    def getParameterNode(self):
        """Return the scene's parameter node, wrapped."""
        from OrientedDetectionLib.DetectionParameterNode import DetectionParameterNode

        return DetectionParameterNode(super().getParameterNode())


class OrientedDetectionTest(ScriptedLoadableModuleTest):
    """The self-test of the module in the application (Reload and Test, and CTest)."""

    def setUp(self):
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run all self-tests."""
        self.setUp()
        self.test_findsObjectsOfTheSample()

    def test_findsObjectsOfTheSample(self):
        """Look for the objects of the tutorial's image, whose places are known."""
        from OrientedDetectionLib.DetectionSelfTest import checkDetectionOfSample

        checkDetectionOfSample(self, OrientedDetectionLogic().detection)
        self.delayDisplay("The objects of the sample were found.")
