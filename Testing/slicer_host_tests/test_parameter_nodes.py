"""The stand-in for ``slicer.parameterNodeWrapper``: types, defaults, validators, widgets."""

from __future__ import annotations

import enum
import pathlib
from typing import Annotated
from typing import Any
from typing import Optional
from typing import Union

import pytest


@pytest.fixture(autouse=True)
def host(slicer_host):
    return slicer_host


def new_node():
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


class Side(enum.Enum):
    LEFT = 1
    RIGHT = 2


def wrapped(annotations: dict[str, Any], **defaults: Any):
    """Make a wrapper class with the given members."""
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    return parameterNodeWrapper(type("Parameters", (), {"__annotations__": annotations, **defaults}))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, 7),
        (float, 0.1),
        (str, "täxt, with; signs"),
        (bool, True),
        (pathlib.Path, pathlib.Path("/some/where")),
        (Side, Side.RIGHT),
        (list[int], [1, 2, 3]),
        (list[Side], [Side.RIGHT, Side.LEFT]),
        (tuple[int, str], (4, "b")),
        (dict[str, int], {"a": 1}),
        (Optional[float], 2.5),  # noqa: UP045
        (float | None, None),
        (Union[int, str], "word"),  # noqa: UP007
        (Any, {"nested": [1, 2]}),
    ],
)
def test_values_come_back_from_the_node(kind, value):
    parameters = wrapped({"member": kind})
    node = new_node()
    parameters(node).member = value
    assert parameters(node).member == value


def test_values_survive_a_saved_scene(tmp_path):
    import slicer

    parameters = wrapped({"labels": list[str], "side": Side, "limit": int | None})
    node = new_node()
    instance = parameters(node)
    instance.labels, instance.side, instance.limit = ["x", "y"], Side.RIGHT, 3
    slicer.util.saveScene(str(tmp_path / "scene.mrml"))
    slicer.mrmlScene.RemoveNode(node)
    slicer.util.loadScene(str(tmp_path / "scene.mrml"))
    restored = parameters(slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")[0])
    assert (restored.labels, restored.side, restored.limit) == (["x", "y"], Side.RIGHT, 3)


def test_defaults():
    import slicer
    from slicer.parameterNodeWrapper import Choice
    from slicer.parameterNodeWrapper import Default
    from slicer.parameterNodeWrapper import FloatRange
    from slicer.parameterNodeWrapper import RangeBounds
    from slicer.parameterNodeWrapper import WithinRange

    parameters = wrapped(
        {
            "number": int,
            "given": float,
            "annotated": Annotated[str, Default("word")],
            "made": Annotated[list[int], Default(generator=lambda: [4])],
            "choice": Annotated[str, Choice(["first", "second"])],
            "bounded": Annotated[int, WithinRange(5, 9)],
            "side": Side,
            "optional": int | None,
            "node": slicer.vtkMRMLScalarVolumeNode,
            "window": Annotated[FloatRange, RangeBounds(-1, 1)],
        },
        given=2.5,
    )
    instance = parameters(new_node())
    assert instance.number == 0
    assert instance.given == 2.5
    assert instance.annotated == "word"
    assert instance.made == [4]
    assert instance.choice == "first"
    assert instance.bounded == 5
    assert instance.side is Side.LEFT
    assert instance.optional is None
    assert instance.node is None
    assert (instance.window.minimum, instance.window.maximum) == (-1.0, 1.0)


def test_existing_values_are_kept_over_defaults():
    parameters = wrapped({"number": int}, number=5)
    node = new_node()
    parameters(node).number = 6
    assert parameters(node).number == 6


@pytest.mark.parametrize("value", ["text", None, [1], 1.5])
def test_wrong_types_are_refused(value):
    instance = wrapped({"number": int})(new_node())
    with pytest.raises((TypeError, ValueError)):
        instance.number = value


def test_validators():
    from slicer.parameterNodeWrapper import Choice
    from slicer.parameterNodeWrapper import Exclude
    from slicer.parameterNodeWrapper import Maximum
    from slicer.parameterNodeWrapper import Minimum

    instance = wrapped(
        {
            "choice": Annotated[str, Choice(["a", "b"])],
            "low": Annotated[int, Minimum(0)],
            "high": Annotated[float, Maximum(1.0)],
            "other": Annotated[str, Exclude(["bad"])],
        }
    )(new_node())
    for name, value in (("choice", "c"), ("low", -1), ("high", 1.5), ("other", "bad")):
        with pytest.raises(ValueError, match="Value must"):
            setattr(instance, name, value)


def test_an_invalid_default_is_refused():
    from slicer.parameterNodeWrapper import WithinRange

    with pytest.raises(ValueError, match="within range"):
        wrapped({"number": Annotated[int, WithinRange(0, 3)]}, number=4)


def test_unsupported_types_are_refused():
    with pytest.raises(Exception, match="Unable to find serializer"):
        wrapped({"number": complex})


def test_node_references_follow_removal():
    import slicer

    instance = wrapped({"volume": slicer.vtkMRMLScalarVolumeNode})(new_node())
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    instance.volume = volume
    assert instance.volume is volume
    assert instance.parameterNode.GetNodeReferenceID("volume") == volume.GetID()
    slicer.mrmlScene.RemoveNode(volume)
    assert instance.volume is None
    with pytest.raises(TypeError):
        instance.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")


def test_observed_containers_write_themselves_back():
    parameters = wrapped({"numbers": list[int], "table": dict[str, int]})
    node = new_node()
    instance = parameters(node)
    instance.numbers.extend([3, 1])
    instance.numbers[0] = 2
    instance.table["a"] = 5
    assert parameters(node).numbers == [2, 1]
    assert dict(parameters(node).table) == {"a": 5}
    instance.numbers.pop()
    assert parameters(node).numbers == [2]


def test_packs_nest():
    from slicer.parameterNodeWrapper import parameterPack

    @parameterPack
    class Point:
        x: float
        y: float = 2.0

    Box = parameterPack(type("Box", (), {"__annotations__": {"corner": Point, "name": str}}))
    parameters = wrapped({"box": Box})
    node = new_node()
    instance = parameters(node)
    instance.box.corner.x = 4.0
    instance.setValue("box.name", "b")
    assert parameters(node).box.corner == Point(4.0, 2.0)
    assert parameters(node).getValue("box.name") == "b"


def test_bounds_decimals_and_steps_reach_the_widget():
    import ctk
    from slicer.parameterNodeWrapper import Decimals
    from slicer.parameterNodeWrapper import SingleStep
    from slicer.parameterNodeWrapper import WithinRange

    instance = wrapped({"number": Annotated[float, WithinRange(-2, 2), Decimals(3), SingleStep(0.125)]})(new_node())
    slider = ctk.ctkSliderWidget()
    instance.connectParametersToGui({"number": slider})
    assert (slider.minimum, slider.maximum, slider.decimals, slider.singleStep) == (-2.0, 2.0, 3, 0.125)
    slider.value = 1.5
    assert instance.number == 1.5


def test_only_exact_widget_classes_and_bounded_sliders_are_bound():
    import ctk
    import qt

    class Special(qt.QLineEdit):
        pass

    text = wrapped({"text": str})(new_node())
    with pytest.raises(ValueError, match="Unable to connect"):
        text.connectParametersToGui({"text": Special()})
    with pytest.raises(ValueError, match="Unable to connect"):
        text.connectParametersToGui({"text": ctk.ctkCheckableComboBox()})
    with pytest.raises(ValueError, match="both bounds"):
        wrapped({"number": float})(new_node()).connectParametersToGui({"number": ctk.ctkSliderWidget()})


def test_disconnect_gui_ends_both_ways():
    import qt

    instance = wrapped({"text": str})(new_node())
    edit = qt.QLineEdit()
    tag = instance.connectParametersToGui({"text": edit})
    edit.text = "typed"
    instance.disconnectGui(tag)
    edit.text = "more"
    assert instance.text == "typed"
    instance.text = "set"
    assert edit.text == "more"


def test_own_gui_connector(host):
    import ctk
    from slicer.parameterNodeWrapper import GuiConnector
    from slicer.parameterNodeWrapper import parameterNodeGuiConnector
    from slicer.parameterNodeWrapper.gui import _OWN_CONNECTORS

    @parameterNodeGuiConnector
    class CheckedNames(GuiConnector):
        signals = ("checkedIndexesChanged()",)

        @classmethod
        def canRepresent(cls, widget, datatype):
            return widget.className() == "ctkCheckableComboBox"

        def read(self):
            return [index.data() for index in self.widget().checkedIndexes()]

        def write(self, value):
            model = self.widget().checkableModel()
            for row in range(model.rowCount()):
                index = model.index(row, 0)
                self.widget().setCheckState(index, 2 if index.data() in list(value) else 0)

    combo = ctk.ctkCheckableComboBox()
    combo.addItems(["a", "b"])
    instance = wrapped({"names": list[str]})(new_node())
    instance.connectParametersToGui({"names": combo})
    combo.setCheckState(combo.checkableModel().index(1, 0), 2)
    assert instance.names == ["b"]
    instance.names = ["a"]
    assert [index.data() for index in combo.checkedIndexes()] == ["a"]
    _OWN_CONNECTORS.clear()
