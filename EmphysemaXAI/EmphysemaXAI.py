"""The Slicer module EmphysemaXAI: emphysema on chest CT, from density measures to severity with checked explanations.

A thin shell: what it does is in ``EmphysemaXAILib``, imported when the module is first used, so that Slicer's start is
not slowed down.
"""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget


class EmphysemaXAI(ScriptedLoadableModule):
    """What the application shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Emphysema XAI")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = ["SlicerMambaMed", "Segmentations", "SubjectHierarchy", "Tables", "Plots"]
        self.parent.contributors = ["MambaMed contributors"]
        self.parent.helpText = _(
            "Measures emphysema on chest CT: lungs, density per region, local patterns, severity with its doubts, and "
            "explanations that were checked. Choose a CT, click Apply. The computation runs in a process of its own "
            "and can be cancelled at any time. Not for clinical use. "
            'See the <a href="{url}">user guide</a> for a tutorial.'
        ).format(url="https://github.com/mambamed/SlicerMambaMed/blob/main/docs/user/emphysema-xai.md")
        self.parent.acknowledgementText = _(
            "After M. Utmal et al., Explainable Deep Learning Architecture for Accurate Emphysema Detection in CT "
            "Imaging. Local patterns: L. Sorensen, S. B. Shaker, M. de Bruijne, IEEE TMI 29, 2010."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """List the tutorial's scan in the Sample Data module."""
    from EmphysemaXAILib.TutorialScan import TUTORIAL_SCAN

    TUTORIAL_SCAN.register()


class EmphysemaXAIWidget(ScriptedLoadableModuleWidget):
    """Has the panel mounted at first use, and passes on what the application calls by name."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.logic = None
        self.mount = None
        self.panel = None

    def setup(self):
        """Called once, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from EmphysemaXAILib.EmphysemaWidget import EmphysemaWidget
        from SlicerMambaMedLib.PanelMount import PanelMount

        self.logic = EmphysemaXAILogic()
        self.mount = PanelMount(self, EmphysemaWidget, self.logic.emphysema)

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


class EmphysemaXAILogic(ScriptedLoadableModuleLogic):
    """Emphysema analysis for the panel and for scripts; works without a main window.

    Example::

        logic = slicer.util.getModuleLogic("EmphysemaXAI")
        nodes = logic.analyze(ct, compute=("density", "patterns"))
        slicer.util.saveNode(nodes.measures, "measures.csv")
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        from EmphysemaXAILib.EmphysemaLogic import EmphysemaLogic

        self.emphysema = EmphysemaLogic()

    def getParameterNode(self):
        """Return the scene's parameter node, wrapped."""
        from EmphysemaXAILib.EmphysemaParameterNode import EmphysemaParameterNode

        return EmphysemaParameterNode(super().getParameterNode())

    def start(self, request):
        """Start an ``EmphysemaRequest`` and return the running ``SceneJob`` at once."""
        return self.emphysema.start(request)

    def analyze(self, ct, **settings):
        """Analyze, wait for the result and return its nodes; see ``EmphysemaLogic.analyze``."""
        return self.emphysema.analyze(ct, **settings)

    def saveReport(self, record, folder, **settings):
        """Write the report of a result and return its files; see ``ReportExport.save``."""
        return self.emphysema.reports.save(record, folder, **settings)


class EmphysemaXAITest(ScriptedLoadableModuleTest):
    """The self-test of the module in the application (Reload and Test, and CTest)."""

    def setUp(self):
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run all self-tests."""
        self.setUp()
        self.test_measuresThePhantom()

    def test_measuresThePhantom(self):
        """Measure a small synthetic chest whose answers are known."""
        from EmphysemaXAILib.SelfTest import checkMeasuresOfPhantom

        checkMeasuresOfPhantom(self, EmphysemaXAILogic())
        self.delayDisplay("The phantom was measured.")
