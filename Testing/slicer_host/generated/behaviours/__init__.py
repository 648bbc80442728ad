"""Hand-written behaviours of the generated widgets that module panels use."""

from . import choices
from . import containers
from . import markups
from . import node_selectors
from . import numbers
from . import paths
from . import ranges
from . import scene_widgets
from . import segments
from . import subject_hierarchy
from . import tables
from . import volumes

__all__ = [
    "choices",
    "containers",
    "markups",
    "node_selectors",
    "numbers",
    "paths",
    "ranges",
    "scene_widgets",
    "segments",
    "subject_hierarchy",
    "tables",
    "volumes",
]
