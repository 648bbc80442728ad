"""Binds parameters and widgets, both ways, by the exact class of the widget."""

from __future__ import annotations

import enum
import pathlib
from typing import Any

from .annotations import Choice
from .annotations import Decimals
from .annotations import Maximum
from .annotations import Minimum
from .annotations import RangeBounds
from .annotations import SingleStep
from .annotations import WithinRange
from .ranges import FloatRange
from .serializers import is_node_class
from .serializers import split_annotated
from .serializers import union_members

__all__ = ["GuiConnector", "connect", "parameterNodeGuiConnector"]

_OWN_CONNECTORS: list[Any] = []


def parameterNodeGuiConnector(cls: type) -> type:
    """Register an own connector; it is asked first."""
    _OWN_CONNECTORS.insert(0, cls)
    return cls


class GuiConnector:
    """Reads and writes one widget."""

    def __init__(self, widget: Any, datatype: Any) -> None:
        self._widget = widget
        self._kind, self._extras = split_annotated(datatype)
        self.prepare()

    @classmethod
    def canRepresent(cls, widget: Any, datatype: Any) -> bool:
        """Tell whether this connector fits; own connectors override it."""
        return False

    @classmethod
    def create(cls, widget: Any, datatype: Any) -> Any:
        """Return a connector for the widget, or None."""
        return cls(widget, datatype) if cls.canRepresent(widget, datatype) else None

    signals: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Set the widget's bounds and choices."""

    def widget(self) -> Any:
        """Return the widget."""
        return self._widget

    def read(self) -> Any:
        """Return the widget's value."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def write(self, value: Any) -> None:
        """Show a value."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def onChanged(self, function: Any) -> None:
        """Connect the widget's change signals."""
        for signal in self.signals:
            if not self._widget.connect(signal, function):
                raise RuntimeError(f"{self._widget.className()} has no signal {signal}")

    def offChanged(self, function: Any) -> None:
        """Disconnect them."""
        for signal in self.signals:
            self._widget.disconnect(signal, function)

    def _bounds(self) -> tuple[float | None, float | None]:
        low = next((e.minimum for e in self._extras if isinstance(e, WithinRange | Minimum | RangeBounds)), None)
        high = next((e.maximum for e in self._extras if isinstance(e, WithinRange | Maximum | RangeBounds)), None)
        return low, high


class _Checked(GuiConnector):
    signals = ("toggled(bool)",)

    def prepare(self) -> None:
        if self._widget.className() in ("QPushButton", "ctkCheckablePushButton") and not self._widget.checkable:
            raise ValueError(f"{self._widget.objectName} is not checkable")

    def read(self) -> bool:
        return self._widget.checked

    def write(self, value: Any) -> None:
        self._widget.checked = bool(value)


class _Number(GuiConnector):
    needs_bounds = False

    @property
    def signals(self) -> tuple[str, ...]:  # type: ignore[override]
        return (
            ("valueChanged(int)",) if self._widget.className() in ("QSpinBox", "QSlider") else ("valueChanged(double)",)
        )

    def prepare(self) -> None:
        low, high = self._bounds()
        if (low is None or high is None) and self._widget.className() in (
            "QSlider",
            "ctkSliderWidget",
            "qMRMLSliderWidget",
        ):
            raise ValueError(f"{self._widget.objectName}: a slider needs a parameter with both bounds")
        for name, bound in (("minimum", low), ("maximum", high)):
            if bound is not None:
                setattr(self._widget, name, bound)
        for extra in self._extras:
            if isinstance(extra, Decimals):
                self._widget.decimals = extra.value
            if isinstance(extra, SingleStep):
                self._widget.singleStep = extra.value

    def read(self) -> Any:
        return self._kind(self._widget.value) if self._kind in (int, float) else self._widget.value

    def write(self, value: Any) -> None:
        self._widget.value = value


class _Interval(GuiConnector):
    signals = ("valuesChanged(double,double)",)

    def prepare(self) -> None:
        low, high = self._bounds()
        if low is not None and high is not None:
            self._widget.minimum, self._widget.maximum = low, high
        for extra in self._extras:
            if isinstance(extra, Decimals):
                self._widget.decimals = extra.value
            if isinstance(extra, SingleStep):
                self._widget.singleStep = extra.value

    def read(self) -> FloatRange:
        return FloatRange(self._widget.minimumValue, self._widget.maximumValue)

    def write(self, value: Any) -> None:
        self._widget.setValues(value.minimum, value.maximum)


class _Choices(GuiConnector):
    signals = ("currentIndexChanged(int)",)

    def prepare(self) -> None:
        if isinstance(self._kind, type) and issubclass(self._kind, enum.Enum):
            self._values = list(self._kind)
            labels = [item.label() if hasattr(item, "label") else str(item.value) for item in self._values]
        else:
            self._values = next(e.choices for e in self._extras if isinstance(e, Choice))
            labels = [str(item) for item in self._values]
        self._widget.clear()
        for label in labels:
            self._widget.addItem(label)

    def read(self) -> Any:
        return self._values[self._widget.currentIndex]

    def write(self, value: Any) -> None:
        self._widget.setCurrentIndex(self._values.index(value))


class _Text(GuiConnector):
    @property
    def signals(self) -> tuple[str, ...]:  # type: ignore[override]
        return {"QLineEdit": ("textChanged(QString)",), "QTextEdit": ("textChanged()",)}.get(
            self._widget.className(), ()
        )

    def read(self) -> str:
        return self._widget.plainText if self._widget.className() == "QTextEdit" else self._widget.text

    def write(self, value: Any) -> None:
        if self._widget.className() == "QTextEdit":
            if self._widget.plainText != value:
                self._widget.plainText = value
        elif self._widget.text != value:
            self._widget.text = value


class _PathBox(GuiConnector):
    @property
    def _property(self) -> str:
        return "directory" if self._widget.className() == "ctkDirectoryButton" else "currentPath"

    @property
    def signals(self) -> tuple[str, ...]:  # type: ignore[override]
        return (f"{self._property}Changed(QString)",)

    def read(self) -> Any:
        return self._kind(getattr(self._widget, self._property))

    def write(self, value: Any) -> None:
        setattr(self._widget, self._property, str(value))


class _NodeBox(GuiConnector):
    signals = ("currentNodeChanged(vtkMRMLNode*)",)

    def prepare(self) -> None:
        kinds = [kind for kind in union_members(self._kind) if kind is not type(None)] or [self._kind]
        self._widget.nodeTypes = [kind.__name__ for kind in kinds]

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        self._widget.setCurrentNode(value)


class _ColorButton(GuiConnector):
    signals = ("colorChanged(QColor)",)

    def read(self) -> Any:
        return self._widget.color

    def write(self, value: Any) -> None:
        self._widget.color = value


def _connector_class(widget: Any, datatype: Any) -> Any:
    import qt

    kind, extras = split_annotated(datatype)
    is_type = isinstance(kind, type)
    has_choice = any(isinstance(extra, Choice) for extra in extras) or (is_type and issubclass(kind, enum.Enum))
    fits = {
        "QCheckBox": (_Checked, kind is bool),
        "ctkCheckBox": (_Checked, kind is bool),
        "QPushButton": (_Checked, kind is bool),
        "ctkCheckablePushButton": (_Checked, kind is bool),
        "QSpinBox": (_Number, kind is int),
        "QSlider": (_Number, kind is int),
        "QComboBox": (_Choices, has_choice),
        "ctkComboBox": (_Choices, has_choice),
        "QLineEdit": (_Text, kind is str),
        "QLabel": (_Text, kind is str),
        "QTextEdit": (_Text, kind is str),
        "ctkPathLineEdit": (_PathBox, is_type and issubclass(kind, pathlib.PurePath)),
        "ctkDirectoryButton": (_PathBox, is_type and issubclass(kind, pathlib.PurePath)),
        "qMRMLNodeComboBox": (_NodeBox, is_node_class(kind)),
        "ctkColorPickerButton": (_ColorButton, kind is qt.QColor),
    }
    for name in ("QDoubleSpinBox", "ctkSliderWidget", "qMRMLSliderWidget", "ctkDoubleSlider", "ctkDoubleSpinBox"):
        fits[name] = (_Number, kind in (int, float))
    fits["qMRMLSpinBox"] = (_Number, kind in (int, float))
    for name in ("ctkRangeWidget", "ctkDoubleRangeSlider", "qMRMLRangeWidget"):
        fits[name] = (_Interval, kind is FloatRange)
    connector, right_type = fits.get(widget.className(), (None, False))
    return connector if right_type else None


def _make_connector(name: str, widget: Any, datatype: Any) -> Any:
    for own in _OWN_CONNECTORS:
        made = own.create(widget, datatype)
        if made is not None:
            return made
    is_subclass = not (hasattr(type(widget), "_h_stands_for") or "_h_is_host_class" in vars(type(widget)))
    connector = None if is_subclass else _connector_class(widget, datatype)
    if connector is None:
        raise ValueError(f"Unable to connect parameter '{name}' of type {datatype} to a {type(widget).__name__}")
    return connector(widget, datatype)


class _Connection:
    """All bindings made by one call of connectGui."""

    def __init__(self, wrapper: Any, mapping: dict[str, Any]) -> None:
        self._wrapper = wrapper
        self._connectors = {
            name: _make_connector(name, widget, wrapper.dataType(name)) for name, widget in mapping.items()
        }
        self._updating = False
        self._functions = {}
        self.show()
        for name, connector in self._connectors.items():
            function = self._writer(name, connector)
            self._functions[name] = function
            connector.onChanged(function)
        self._tag = wrapper.AddObserver("ModifiedEvent", lambda *_arguments: self.show())

    def _writer(self, name: str, connector: Any) -> Any:
        def write_parameter(*_arguments: Any) -> None:
            if not self._updating:
                self._wrapper.setValue(name, connector.read())

        return write_parameter

    def show(self) -> None:
        """Show all parameters in their widgets."""
        if self._updating:
            return
        self._updating = True
        try:
            for name, connector in self._connectors.items():
                value = self._wrapper.getValue(name)
                if connector.read() != value:
                    connector.write(value)
        finally:
            self._updating = False

    def disconnect(self) -> None:
        """End all bindings."""
        self._wrapper.RemoveObserver(self._tag)
        for name, connector in self._connectors.items():
            connector.offChanged(self._functions[name])


def connect(wrapper: Any, mapping: dict[str, Any]) -> _Connection:
    """Bind parameters to widgets by name."""
    return _Connection(wrapper, mapping)
