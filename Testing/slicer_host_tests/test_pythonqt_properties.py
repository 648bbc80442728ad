"""The rows "Properties, methods, attributes" of the observed behaviour of PythonQt."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def host(slicer_host):
    return slicer_host


def test_a_property_shadows_its_getter():
    import qt

    button = qt.QPushButton("a")
    assert button.text == "a"
    with pytest.raises(TypeError, match="'str' object is not callable"):
        button.text()


def test_is_getters_are_methods():
    import qt

    button = qt.QPushButton()
    assert button.enabled is True
    assert button.isEnabled() is True


def test_sizes_and_combo_box_members_are_properties():
    import qt

    widget = qt.QWidget()
    widget.resize(30, 40)
    assert (widget.width, widget.size.height()) == (30, 40)
    combo = qt.QComboBox()
    combo.addItem("first", 7)
    assert (combo.count, combo.currentText, combo.currentIndex, combo.currentData) == (1, "first", 0, 7)
    with pytest.raises(TypeError):
        combo.currentData()


def test_size_hints_are_properties(host):
    import qt

    label = qt.QLabel("some text")
    assert label.sizeHint.width() > 20
    with pytest.raises(TypeError, match="not callable"):
        label.sizeHint()
    label.resize(label.sizeHint)
    assert label.width == label.sizeHint.width()
    box = qt.QWidget()
    layout = qt.QVBoxLayout(box)
    layout.addWidget(label)
    box.show()
    host.processEvents()
    assert box.minimumSizeHint.height() >= label.minimumSizeHint.height()


def test_check_box_checked_is_a_property_and_check_state_a_method():
    import qt

    check = qt.QCheckBox()
    check.checked = True
    assert check.checked is True
    assert check.checkState() == qt.Qt.Checked


def test_members_of_value_classes_and_layouts_are_methods():
    import qt

    layout = qt.QVBoxLayout()
    layout.addWidget(qt.QLabel("x"))
    item = qt.QTableWidgetItem("text")
    assert layout.count() == 1
    assert item.text() == "text"
    assert qt.QSize(1, 2).width() == 1
    assert qt.QColor(255, 0, 0).name() == "#ff0000"


def test_node_combo_box_scene_is_a_slot_and_node_types_a_property():
    import slicer

    combo = slicer.qMRMLNodeComboBox()
    combo.setMRMLScene(slicer.mrmlScene)
    combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    assert combo.mrmlScene() is slicer.mrmlScene
    assert combo.nodeTypes == ("vtkMRMLScalarVolumeNode",)


def test_plain_text_is_there_in_both_forms():
    import qt

    edit = qt.QPlainTextEdit()
    edit.plainText = "abc"
    assert edit.plainText == edit.toPlainText() == "abc"


def test_object_name_is_a_property_and_parent_a_method():
    import qt

    button = qt.QPushButton()
    assert button.objectName == ""
    assert button.parent() is None
    button.name = "short form"
    assert button.objectName == "short form"


def test_unknown_attributes():
    import ctk
    import qt

    button = qt.QPushButton()
    with pytest.raises(AttributeError, match="creating new attributes on C\\+\\+ objects is not allowed"):
        button.own = 1
    with pytest.raises(AttributeError, match="has no attribute named 'own'"):
        _ = button.own
    with pytest.raises(AttributeError, match="has no attribute named 'setRange'"):
        _ = ctk.ctkSliderWidget().setRange
    with pytest.raises(AttributeError, match="creating new attributes"):
        ctk.ctkSliderWidget().range = (0, 1)
    with pytest.raises(AttributeError):
        button.clicked = print


def test_python_subclasses_may_have_attributes():
    import qt

    class Panel(qt.QWidget):
        kind = "panel"

        def __init__(self):
            super().__init__()
            self.own = 1

    panel = Panel()
    panel.more = 2
    assert (panel.own, panel.more, panel.kind, panel.enabled) == (1, 2, "panel", True)
    assert isinstance(panel, qt.QWidget)


def test_a_deleted_object_can_not_be_used():
    import qt

    button = qt.QPushButton("a")
    set_text = button.setText
    button.delete()
    with pytest.raises(ValueError, match="destroyed"):
        _ = button.text
    with pytest.raises(ValueError, match="destroyed"):
        button.text = "b"
    with pytest.raises(ValueError, match="destroyed"):
        set_text("b")


def test_wrappers_do_not_follow_inheritance():
    import ctk
    import qt
    import slicer

    button = qt.QPushButton()
    assert isinstance(button, qt.QPushButton)
    assert not isinstance(button, qt.QWidget)
    assert button.inherits("QWidget")
    assert not isinstance(slicer.qMRMLSliderWidget(), ctk.ctkSliderWidget)
    assert slicer.qMRMLSliderWidget().inherits("ctkSliderWidget")


def test_two_wrappers_of_one_object_are_one():
    import qt
    import slicer

    parent = qt.QWidget()
    child = qt.QPushButton(parent)
    assert parent.children()[0] is child
    assert child.parent() is parent
    box = qt.QDialogButtonBox()
    box.setStandardButtons(qt.QDialogButtonBox.Ok)
    assert box.button(qt.QDialogButtonBox.Ok) is box.button(qt.QDialogButtonBox.Ok)
    combo = slicer.qMRMLNodeComboBox()
    combo.nodeTypes = ["vtkMRMLTextNode"]
    combo.setMRMLScene(slicer.mrmlScene)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    combo.setCurrentNode(node)
    assert combo.currentNode() is node


def test_children_are_found_by_name_and_trailing_underscores_dropped(host):
    import qt

    parent = qt.QWidget()
    child = qt.QPushButton(parent)
    child.objectName = "apply"
    assert parent.apply is child
    host.answer(lambda dialog: 7 if dialog.isVisible() else 0)
    assert qt.QDialog().exec_() == 7


def test_objects_that_qt_made_follow_the_same_rules():
    import qt

    tabs = qt.QTabWidget()
    tabs.addTab(qt.QWidget(), "one")
    bar = tabs.tabBar()
    assert bar.count == 1
    assert bar.isEnabled()
    assert isinstance(bar, qt.QTabBar)
    with pytest.raises(AttributeError, match="has no attribute"):
        _ = bar.nothing
    with pytest.raises(AttributeError, match="creating new attributes"):
        bar.nothing = 1
    clicks = []
    bar.connect("currentChanged(int)", clicks.append)
    tabs.addTab(qt.QWidget(), "two")
    tabs.setCurrentIndex(1)
    assert clicks == [1]
