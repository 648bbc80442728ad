"""SlicerMambaMedLib.Signal."""

from __future__ import annotations

import logging

import pytest
from SlicerMambaMedLib.Signal import Signal


def test_calls_the_connected_functions_in_order_with_the_values():
    seen = []
    changed = Signal("name", "value")
    changed.connect(lambda name, value: seen.append(("first", name, value)))
    changed.connect(lambda name, value: seen.append(("second", name, value)))
    changed.emit("liver", 3)
    assert seen == [("first", "liver", 3), ("second", "liver", 3)]


def test_connecting_twice_calls_once_and_disconnecting_ends_it():
    seen = []
    changed = Signal("name")
    changed.connect(seen.append)
    changed.connect(seen.append)
    changed.emit("a")
    changed.disconnect(seen.append)
    changed.disconnect(seen.append)
    changed.emit("b")
    assert seen == ["a"]


def test_a_listener_that_fails_is_logged_and_does_not_stop_the_others(caplog):
    seen = []
    changed = Signal("name")
    changed.connect(lambda name: 1 / 0)
    changed.connect(seen.append)
    with caplog.at_level(logging.ERROR, logger="mambamed"):
        changed.emit("a")
    assert seen == ["a"]
    assert "ZeroDivisionError" in caplog.text


def test_a_listener_may_disconnect_itself_while_it_is_called():
    seen = []
    changed = Signal("name")

    def once(name):
        changed.disconnect(once)
        seen.append(name)

    changed.connect(once)
    changed.connect(lambda name: seen.append(name.upper()))
    changed.emit("a")
    changed.emit("b")
    assert seen == ["a", "A", "B"]


def test_refuses_another_number_of_values():
    with pytest.raises(TypeError, match="name"):
        Signal("name").emit()
