"""The rows "Conversions" of the observed behaviour of PythonQt."""

from __future__ import annotations

import numpy
import pytest


@pytest.fixture(autouse=True)
def host(slicer_host):
    return slicer_host


def test_numbers_become_text_in_a_text_property():
    import qt

    label = qt.QLabel()
    label.text = 5
    assert label.text == "5"


@pytest.mark.parametrize("value", [1, True, numpy.bool_(True), numpy.int64(1)])
def test_truth_values_of_all_kinds(value):
    import qt

    button = qt.QPushButton()
    button.enabled = False
    button.enabled = value
    assert button.enabled is True


def test_floats_are_truncated_for_integers():
    import qt

    spin = qt.QSpinBox()
    spin.value = 2.7
    assert spin.value == 2
    spin.setValue(3.7)
    assert spin.value == 3
    spin.value = numpy.int64(7)
    assert spin.value == 7
    spin.setValue(numpy.int32(8))
    assert spin.value == 8


def test_slider_values():
    import ctk

    slider = ctk.ctkSliderWidget()
    slider.value = numpy.float32(2.5)
    assert slider.value == 2.5
    slider.value = numpy.int64(3)
    assert slider.value == 3.0
    with pytest.raises(AttributeError, match="type double"):
        slider.value = "a"
    with pytest.raises(ValueError, match="wrong arguments"):
        slider.setValue(None)


def test_keywords_are_refused():
    import ctk
    import qt

    with pytest.raises(ValueError, match="keyword"):
        qt.QSpinBox().setValue(val=1)
    with pytest.raises(ValueError, match="keyword"):
        ctk.ctkSliderWidget().setValue(value=1)


def test_lists_are_tuples():
    import ctk
    import qt
    import slicer

    combo = ctk.ctkCheckableComboBox()
    combo.addItem("a")
    combo.addItem("b")
    combo.setCheckState(combo.checkableModel().index(1, 0), qt.Qt.Checked)
    checked = combo.checkedIndexes()
    assert isinstance(checked, tuple)
    assert [index.row() for index in checked] == [1]
    assert isinstance(qt.QWidget().findChildren("QWidget"), tuple)
    assert isinstance(qt.QDir("/").entryList(), tuple)
    assert isinstance(slicer.qMRMLNodeComboBox().nodeTypes, tuple)


def test_a_list_is_taken_for_a_string_list():
    import ctk

    edit = ctk.ctkPathLineEdit()
    edit.nameFilters = ["*.nrrd", "*.nii"]
    assert edit.nameFilters == ("*.nrrd", "*.nii")


def test_enums_are_integers():
    import qt

    assert qt.Qt.Checked == 2
    assert isinstance(qt.Qt.Checked, int)
    both = qt.Qt.AlignLeft | qt.Qt.AlignTop
    assert type(both) is int
    label = qt.QLabel()
    label.setAlignment(both)
    assert label.alignment == both
    label.alignment = qt.Qt.AlignRight
    assert label.alignment == qt.Qt.AlignRight
    policy = qt.QSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
    assert policy.horizontalPolicy() == qt.QSizePolicy.Expanding


def test_item_data_of_any_kind():
    import qt

    marker = object()
    combo = qt.QComboBox()
    combo.addItem("object", marker)
    combo.addItem("list", [1, "b"])
    assert combo.itemData(0) is marker
    assert combo.itemData(1) == [1, "b"]
    item = qt.QListWidgetItem("x")
    item.setData(qt.Qt.UserRole, marker)
    assert item.data(qt.Qt.UserRole) is marker


def test_dynamic_properties():
    import qt

    button = qt.QPushButton()
    assert button.setProperty("foo", [1, 2]) is False
    assert button.property("foo") == (1, 2)
    assert button.foo == (1, 2)
    assert button.setProperty("text", "a") is True
    assert button.property("never set") is None


def test_settings():
    import qt

    settings = qt.QSettings()
    assert settings.value("missing") is None
    assert settings.value("missing", 4) == 4
    settings.setValue("number", 5)
    settings.setValue("flag", True)
    assert qt.QSettings().value("number") == 5
    assert qt.QSettings().value("flag") is True
    assert qt.QSettings().contains("flag")


def test_settings_never_touch_the_users_own_and_are_new_for_each_test():
    import qt

    assert qt.QSettings().value("number") is None
    assert "slicer-host" in qt.QSettings().fileName()
