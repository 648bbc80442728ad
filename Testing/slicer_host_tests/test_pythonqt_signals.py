"""The rows "Signals" and "Application" of the observed behaviour of PythonQt."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def host(slicer_host):
    return slicer_host


def test_connect_by_text_and_by_attribute():
    import qt

    button = qt.QPushButton()
    seen = []
    assert button.connect("clicked(bool)", seen.append) is True
    button.clicked.connect(lambda: seen.append("no argument"))
    button.click()
    assert seen == [False, "no argument"]


def test_calling_the_signal_emits():
    import ctk
    import qt

    seen = []
    button = qt.QPushButton()
    button.clicked.connect(lambda: seen.append("button"))
    button.clicked()
    slider = ctk.ctkSliderWidget()
    slider.valueChanged.connect(seen.append)
    slider.valueChanged(4.0)
    assert seen == ["button", 4.0]


def test_an_unknown_signal_prints_and_returns_false(host):
    import ctk
    import qt

    assert qt.QPushButton().connect("pushed()", print) is False
    assert ctk.ctkSliderWidget().connect("changed(double)", print) is False
    assert [("does not exist" in line) for line in host.warnings] == [True, True]
    host.warnings.clear()


def test_something_not_callable_is_taken(host):
    import qt

    button = qt.QPushButton()
    assert button.connect("clicked()", 5) is True
    button.click()
    assert isinstance(host.errors[0].exception, TypeError)
    host.errors.clear()


def test_an_exception_in_a_slot_is_swallowed(host):
    import qt

    seen = []
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.connect("clicked()", lambda: seen.append("next"))
    button.click()
    assert seen == ["next"]
    assert isinstance(host.errors[0].exception, ZeroDivisionError)
    host.errors.clear()


def test_disconnect():
    import qt
    import slicer

    seen = []
    button = qt.QPushButton()

    def function():
        seen.append(1)

    assert button.disconnect("clicked()", function) is False
    button.connect("clicked()", function)
    assert button.disconnect("clicked()", function) is True
    button.connect("clicked(bool)", seen.append)
    button.connect("clicked(bool)", function)
    assert button.disconnect("clicked(bool)") is True
    button.click()
    combo = slicer.qMRMLNodeComboBox()
    combo.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    assert combo.disconnect("currentNodeChanged(vtkMRMLNode*)", seen.append) is True
    combo.setMRMLScene(slicer.mrmlScene)
    assert seen == []


def test_names_that_modules_use_exist():
    import qt

    for name in ("Signal", "Slot", "QSignalBlocker", "QShortcut", "QProcess", "QThread", "QTimer"):
        assert hasattr(qt, name), name


def test_single_shot_runs_in_the_event_loop(host):
    import qt

    seen = []
    qt.QTimer.singleShot(0, lambda: seen.append(1))
    assert seen == []
    host.waitUntil(lambda: seen, 5)


def test_virtual_functions_are_called(host):
    import qt

    class Panel(qt.QWidget):
        def __init__(self):
            super().__init__()
            self.sizes = []
            self.events = 0

        def resizeEvent(self, event):
            self.sizes.append(self.width)

        def eventFilter(self, watched, event):
            self.events += event.type() == qt.QEvent.Show
            return False

    panel = Panel()
    label = qt.QLabel(panel)
    label.installEventFilter(panel)
    panel.resize(123, 50)
    panel.show()
    host.processEvents()
    assert panel.sizes[-1] == 123
    assert panel.events == 1


def test_an_exception_in_a_virtual_function_is_kept(host):
    import qt

    class Panel(qt.QWidget):
        def resizeEvent(self, event):
            raise RuntimeError("in resizeEvent")

    panel = Panel()
    panel.show()
    panel.resize(200, 100)
    assert any("in resizeEvent" in str(error) for error in host.errors)
    host.errors.clear()
    layout = qt.QVBoxLayout()
    outer = qt.QWidget()
    outer.setLayout(layout)
    layout.addWidget(panel)
    outer.show()
    host.processEvents()
    assert any("in resizeEvent" in str(error) for error in host.errors)
    host.errors.clear()


def test_an_exception_in_an_observer_is_kept(host):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    node.AddObserver("ModifiedEvent", lambda caller, event: 1 / 0)
    node.SetName("new")
    assert any(isinstance(error.exception, ZeroDivisionError) for error in host.errors)
    host.errors.clear()


def test_node_arguments_are_the_very_nodes():
    import slicer

    combo = slicer.qMRMLNodeComboBox()
    combo.nodeTypes = ["vtkMRMLTextNode"]
    combo.noneEnabled = True
    combo.setMRMLScene(slicer.mrmlScene)
    seen = []
    combo.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    combo.setCurrentNode(node)
    slicer.mrmlScene.RemoveNode(node)
    assert seen[0] is node
    assert seen[1] is None


def test_python_signals():
    import qt

    class Source(qt.QObject):
        changed = qt.Signal(object)

    seen = []
    source = Source()
    source.changed.connect(seen.append)
    source.changed.emit({"a": 1})
    assert seen == [{"a": 1}]


def test_no_main_window():
    import slicer

    assert slicer.util.mainWindow() is None
    assert slicer.app.layoutManager() is None


def test_scene_clear_resets_node_selectors():
    import slicer

    combo = slicer.qMRMLNodeComboBox()
    combo.nodeTypes = ["vtkMRMLTextNode"]
    combo.setMRMLScene(slicer.mrmlScene)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    assert combo.currentNode() is node
    slicer.mrmlScene.Clear(0)
    assert combo.currentNode() is None
    assert combo.nodeCount() == 0


def test_web_view_is_missing():
    import qt

    assert not hasattr(qt, "QWebEngineView")
