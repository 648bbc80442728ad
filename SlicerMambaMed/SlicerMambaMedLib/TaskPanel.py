"""What the panels of all modules do alike: parameter node, Apply and Cancel, the job's end, what is remembered."""

from __future__ import annotations

import logging
from abc import ABC
from abc import abstractmethod
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import qt
import slicer
import vtk

from SlicerMambaMedLib.DeviceSelector import DeviceSelector
from SlicerMambaMedLib.EngineStatus import EngineStatus
from SlicerMambaMedLib.JobPanel import JobPanel
from SlicerMambaMedLib.RunRecordNode import RECORD_ATTRIBUTE
from SlicerMambaMedLib.SceneLogic import SceneLogic
from SlicerMambaMedLib.UserInterface import setTabOrder

__all__ = ["TaskPanel"]

_log = logging.getLogger("mambamed")


class TaskPanel(ABC):
    """Everything below a module's title; made once per module widget.

    The parameter node is the truth: widgets write into it, and whatever changes it (a loaded scene, a script, "repeat")
    is shown. Widgets with a ``SlicerParameterName`` are bound by Slicer's wrapper, the others by the panel.

    The ``.ui`` file has the frames ``statusFrame`` and ``jobFrame``, ``deviceComboBox``, ``repeatButton``,
    ``recordSelector``, ``resultsCollapsibleButton``, and ``backendLabel`` where the task's networks have a scan; the
    parameter node has ``device`` and ``record``.

    Args:
        ui: named widgets of the module's ``.ui`` file.
        logic: what does the work.
    """

    REFRESH_DELAY_MS = 200
    SETTINGS = ""
    """First part of the names of what is remembered between sessions."""
    INPUTS: tuple[str, ...] = ("inputVolume",)
    """Parameters that take the first volumes of the scene while they are empty."""

    def __init__(self, ui: Any, logic: SceneLogic) -> None:
        self.ui = ui
        self.logic = logic
        self._parameters: Any = None
        self._guiTag: Any = None
        self._observation: Any = None
        self._unshownNodes: Any = None
        self.status = EngineStatus(ui.statusFrame, logic.session)
        self.deviceSelector = DeviceSelector(ui.deviceComboBox, getattr(ui, "backendLabel", None))
        self.jobPanel = JobPanel(ui.jobFrame)
        # Several changes in one go (a scene being loaded, a model being chosen) are looked at once.
        self._refreshTimer = qt.QTimer()
        self._refreshTimer.setSingleShot(True)
        self._refreshTimer.setInterval(self.REFRESH_DELAY_MS)
        self._refreshTimer.connect("timeout()", self.refresh)
        self.build()
        self.deviceSelector.changed.connect(lambda identifier: self._store("device", identifier))
        self.jobPanel.applyRequested.connect(self.apply)
        self.status.changed.connect(self._onEngineChanged)
        ui.repeatButton.connect("clicked(bool)", lambda checked=False: self.repeat())
        ui.recordSelector.addAttribute("vtkMRMLTextNode", RECORD_ATTRIBUTE, logic.TASK)
        # The shared parts are made after the rest and would come last.
        setTabOrder(self.tabStops())
        running = logic.session.activeJobs.get(logic.TASK)
        if running is not None:
            self._follow(running)

    # --- what a subclass says ---
    @abstractmethod
    def build(self) -> None:
        """Make and connect the parts that only this panel has."""

    @abstractmethod
    def tabStops(self) -> Sequence[Any]:
        """Return the widgets that Tab goes through, from top to bottom."""

    @abstractmethod
    def request(self) -> Any:
        """Return the request that the panel shows.

        Raises:
            ValueError: what was typed in makes no request.
        """

    @abstractmethod
    def showRequest(self, request: Any) -> None:
        """Set the parameter node as a request says."""

    @abstractmethod
    def showParameters(self) -> None:
        """Bring what depends on the parameter node up to date."""

    @abstractmethod
    def showNothing(self) -> str:
        """Show that there is no parameter node; return the sentence that says what must be chosen first."""

    @abstractmethod
    def showHint(self, problem: str, request: Any | None) -> str:
        """Say what is missing, or what can be known of a request before it is started.

        Args:
            problem: sentence that says what is missing; empty when the request can be started.
            request: the request; None where the choices make none.

        Returns:
            What a click on Apply does, for the button's tooltip.
        """

    @abstractmethod
    def resultOf(self, nodes: Any) -> Any:
        """Return of the nodes of a finished job the one without which there is nothing to show."""

    @abstractmethod
    def showResult(self, nodes: Any) -> None:
        """Show the nodes of a job that has just finished."""

    @abstractmethod
    def remember(self, request: Any) -> None:
        """Store choices of a request that was started for the next new parameter node."""

    @abstractmethod
    def restore(self) -> None:
        """Give a new parameter node the choices of the last run; one from a scene keeps its own."""

    # --- life ---
    def enter(self) -> None:
        """The module is shown: look at the engine, and for jobs that an earlier session left running."""
        self.status.check()
        if not self.jobPanel.isBusy:
            for job in self.logic.attachRunning():
                self._follow(job)

    def exit(self) -> None:
        """Another module is shown."""
        self.endTemporary()
        self.setParameterNode(None)

    def endTemporary(self) -> None:  # noqa: B027 (most panels show nothing of that kind)
        """Take out of the scene what is only for looking: it is about to be saved, or another module is shown."""

    def forgetScene(self) -> None:
        """The scene begins to close: let go of its nodes."""
        self.setParameterNode(None)

    def cleanup(self) -> None:
        """The module is reloaded or Slicer quits: let go of everything; a running job goes on."""
        self.endTemporary()
        self._refreshTimer.stop()
        self.setParameterNode(None)
        if self.jobPanel.job is not None:
            self._unfollow(self.jobPanel.job)
        self.jobPanel.detach()
        self.status.cleanup()

    def setParameterNode(self, parameters: Any | None) -> None:
        """Show and edit this parameter node; None shows and edits none (the scene is being closed)."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self._parameters.RemoveObserver(self._observation)
        self._parameters = parameters
        if parameters is not None:
            self.restore()
            self._chooseInputs()
            self._guiTag = parameters.connectGui(self.ui)
            self._observation = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._showNewResult()
        self.refresh()

    # --- doing ---
    def apply(self) -> None:
        """Start the job that the panel asks for (the Apply button)."""
        self._tryTo(lambda: self._start(self.request()))

    def repeat(self) -> None:
        """Set the panel as in the chosen run record and start that run again."""
        self._tryTo(self._repeat)

    def _repeat(self) -> None:
        request = self.logic.requestFromRecord(self._parameters.record)
        self.showRequest(request)
        self.refresh()
        self._start(request)

    def _tryTo(self, act: Callable[[], None]) -> None:
        """Do something; what goes wrong is shown as one sentence."""
        try:
            act()
        except Exception as error:
            _log.exception("The panel could not do what was asked")
            self.jobPanel.showMessage(str(error), isError=True)

    def _start(self, request: Any) -> None:
        if self.jobPanel.isBusy or not self.status.ensurePackages(self.jobPanel.showMessage):
            return
        job = self.logic.start(request)
        self.remember(request)
        self._follow(job)
        self.refresh()

    def _follow(self, job: Any) -> None:
        self.jobPanel.follow(job)
        job.finished.connect(self._onFinished)

    def _unfollow(self, job: Any) -> None:
        job.finished.disconnect(self._onFinished)

    def _onFinished(self, job: Any) -> None:
        if job.outcome == "done":
            self._unshownNodes = job.nodes
        self._showNewResult()
        self.refresh()

    def _showNewResult(self) -> None:
        """Show the nodes of a finished job, at the latest when the panel is shown again."""
        nodes = self._unshownNodes
        if nodes is None or self._parameters is None:
            return
        self._unshownNodes = None
        if self.resultOf(nodes).GetScene() is not None:
            self.showResult(nodes)

    # --- showing ---
    def refreshSoon(self) -> None:
        """Refresh when the present series of changes is over."""
        self._refreshTimer.start()

    def refresh(self) -> None:
        """Bring everything that depends on the parameter node up to date."""
        self._refreshTimer.stop()
        if self._parameters is None:
            self.ui.repeatButton.enabled = False
            self.jobPanel.setProblem(self.showNothing())
            return
        self.deviceSelector.setCurrent(self._parameters.device)
        self.showParameters()
        self.ui.repeatButton.enabled = self._parameters.record is not None and not self.jobPanel.isBusy
        self._showProblem()

    def _showProblem(self) -> None:
        """Enable Apply or say in its tooltip what is missing."""
        request = None
        try:
            request = self.request()
            problem = self.logic.problem(request)
        except Exception as error:
            problem = str(error)
        self.jobPanel.setProblem(problem, self.showHint(problem, request))

    def _store(self, name: str, value: Any) -> None:
        """Let the parameter node hold what was chosen in a widget that Slicer's wrapper does not bind."""
        if self._parameters is not None:
            setattr(self._parameters, name, value)
            self.refreshSoon()

    def _onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        self.refreshSoon()

    def _onEngineChanged(self) -> None:
        information = self.logic.session.doctor.information
        if information is not None:
            self.deviceSelector.setInformation(information)
        self.status.show(self.deviceSelector.current)
        self.refreshSoon()

    def _chooseInputs(self) -> None:
        """Fill empty inputs with the first images of the scene, each with one of its own."""
        parameters = self._parameters
        images = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if _isImage(node)]
        for name in self.INPUTS:
            chosen = [getattr(parameters, other) for other in self.INPUTS]
            free = [node for node in images if not any(node is other for other in chosen)]
            if getattr(parameters, name) is None and free:
                setattr(parameters, name, free[0])


def _isImage(node: Any) -> bool:
    """Whether a volume is an image rather than a label map or something that is only shown."""
    return not node.IsA("vtkMRMLLabelMapVolumeNode") and not node.GetHideFromEditors()
