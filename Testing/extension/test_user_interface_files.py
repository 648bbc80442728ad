"""The .ui files name only classes, properties, signals and slots that the real widgets have."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from extension.cmake_lists import REPOSITORY
from extension.cmake_lists import module_folders

FILES = [path for folder in module_folders() for path in sorted((folder / "Resources" / "UI").glob("*.ui"))]
FACTS = json.loads((REPOSITORY / "Testing" / "slicer_host" / "gui_api.json").read_text(encoding="utf-8"))["classes"]
DYNAMIC = {"SlicerParameterName", "SlicerPackParameterName"}


def _qt_class(name: str):
    from PySide6 import QtWidgets

    return getattr(QtWidgets, name, None)


def _chain(name: str) -> tuple[list[dict], str]:
    """Return the facts of a class and its bases, and the Qt class at the end."""
    if name not in FACTS:
        return [], name
    chain = FACTS[name]["chain"]
    return [FACTS[name], *(FACTS[base] for base in chain if base in FACTS)], chain[-1]


def _property_names(name: str) -> set[str]:
    own, qt_name = _chain(name)
    names = {property_name for facts in own for property_name in facts.get("properties", {})}
    meta = _qt_class(qt_name).staticMetaObject
    return names | {meta.property(index).name() for index in range(meta.propertyCount())} | {"buddy"}


def _has_method(name: str, signature: str) -> bool:
    own, qt_name = _chain(name)
    declared = {text for facts in own for text in [*facts.get("signals", []), *facts.get("methods", [])]}
    return signature in declared or _qt_class(qt_name).staticMetaObject.indexOfMethod(signature) >= 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
class TestUserInterfaceFile:
    def test_only_real_widgets_with_real_properties(self, path):
        for widget in ElementTree.parse(path).iter("widget"):
            name = widget.get("class")
            assert name in FACTS or _qt_class(name), f"{name} does not exist"
            known = _property_names(name)
            for item in widget.findall("property"):
                if item.get("name") in DYNAMIC:
                    assert item.get("stdset") == "0"
                else:
                    assert item.get("name") in known, f"{name} has no property {item.get('name')}"

    def test_only_real_signals_and_slots_are_connected(self, path):
        tree = ElementTree.parse(path)
        classes = {widget.get("name"): widget.get("class") for widget in tree.iter("widget")}
        for connection in tree.iter("connection"):
            for part, method in (("sender", "signal"), ("receiver", "slot")):
                owner = classes[connection.find(part).text]
                signature = connection.find(method).text
                assert _has_method(owner, signature), f"{owner} has no {signature}"

    def test_custom_widgets_are_declared(self, path):
        tree = ElementTree.parse(path)
        used = {widget.get("class") for widget in tree.iter("widget") if widget.get("class") in FACTS}
        assert {item.find("class").text for item in tree.iter("customwidget")} == used

    def test_everything_that_takes_input_can_be_read_aloud(self, path):
        takes_input = ("Selector", "ComboBox", "Slider", "CheckBox", "Button", "Edit", "Browser", "Table", "Text")
        for widget in ElementTree.parse(path).iter("widget"):
            is_frame = widget.get("class") in ("QWidget", "ctkCollapsibleButton")
            if is_frame or not widget.get("name").endswith(takes_input):
                continue
            texts = {item.get("name"): item.findtext("string", "") for item in widget.findall("property")}
            assert texts.get("accessibleName"), f"{widget.get('name')} has no accessible name"

    def test_labels_lead_to_their_fields_and_keys_are_not_used_twice(self, path):
        tree = ElementTree.parse(path)
        names = {widget.get("name") for widget in tree.iter("widget")}
        keys: dict[str, str] = {}
        for widget in tree.iter("widget"):
            for item in widget.findall("property"):
                if item.get("name") == "buddy":
                    assert item.findtext("cstring") in names
                text = item.findtext("string", "") if item.get("name") in ("text", "title") else ""
                if "&" in text:
                    key = text[text.index("&") + 1].lower()
                    assert key not in keys, f"Alt+{key} is used by {keys.get(key)} and {widget.get('name')}"
                    keys[key] = widget.get("name")

    def test_tab_order_names_existing_widgets_once(self, path):
        tree = ElementTree.parse(path)
        stops = [stop.text for stop in tree.iter("tabstop")]
        names = {widget.get("name") for widget in tree.iter("widget")}
        assert stops
        assert set(stops) <= names
        assert len(stops) == len(set(stops))
