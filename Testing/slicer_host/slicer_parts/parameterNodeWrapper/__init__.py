"""Clean-room stand-in for ``slicer.parameterNodeWrapper``, written from its documented behaviour."""

from .annotations import Choice
from .annotations import Decimals
from .annotations import Default
from .annotations import Exclude
from .annotations import IsInstance
from .annotations import IsNone
from .annotations import Maximum
from .annotations import Minimum
from .annotations import NotNone
from .annotations import RangeBounds
from .annotations import SingleStep
from .annotations import Validator
from .annotations import WithinRange
from .gui import GuiConnector
from .gui import parameterNodeGuiConnector
from .packs import isParameterPack
from .packs import parameterPack
from .ranges import FloatRange
from .wrapper import isParameterNodeWrapper
from .wrapper import parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "FloatRange",
    "GuiConnector",
    "IsInstance",
    "IsNone",
    "Maximum",
    "Minimum",
    "NotNone",
    "RangeBounds",
    "SingleStep",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "isParameterPack",
    "parameterNodeGuiConnector",
    "parameterNodeWrapper",
    "parameterPack",
]
