"""SlicerMambaMedLib.CheckableChoice."""

from __future__ import annotations

import pytest


@pytest.fixture
def choice(slicer_host):
    import ctk
    from SlicerMambaMedLib.CheckableChoice import CheckableChoice

    made = CheckableChoice(ctk.ctkCheckableComboBox())
    made.setNames(["grey", "white", "fluid"])
    return made


def _set(choice, row, checked):
    import qt

    box = choice._comboBox
    box.setCheckState(box.checkableModel().index(row, 0), qt.Qt.Checked if checked else qt.Qt.Unchecked)


def test_all_are_checked_at_first_and_stand_for_no_restriction(choice):
    assert choice._comboBox.allChecked()
    assert choice.checked == []


def test_a_click_tells_the_names_that_are_left(choice):
    seen = []
    choice.changed.connect(seen.append)
    _set(choice, 1, False)
    assert seen == [["grey", "fluid"]]
    _set(choice, 1, True)
    assert seen[-1] == []


def test_unchecking_the_last_one_checks_all(choice):
    for row in range(3):
        _set(choice, row, False)
    assert choice._comboBox.allChecked()
    assert choice.checked == []


def test_setting_what_is_there_already_touches_nothing(choice):
    seen = []
    _set(choice, 0, False)
    choice.changed.connect(seen.append)
    rows = []
    choice._comboBox.checkableModel().connect("rowsRemoved(QModelIndex,int,int)", lambda *values: rows.append(values))
    choice.setNames(["grey", "white", "fluid"], ["white", "fluid"])
    assert rows == []
    assert seen == []
    assert choice.checked == ["white", "fluid"]


def test_other_names_replace_the_list_and_unknown_ones_are_not_checked(choice):
    choice.setNames(["liver", "spleen"], ["white", "spleen"])
    assert choice.checked == ["spleen"]
    choice.setNames(["only"])
    assert not choice._comboBox.enabled
