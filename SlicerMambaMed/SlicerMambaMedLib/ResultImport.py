"""What the imports of all modules do alike: read the record, name new nodes, place them beside the input."""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.SubjectHierarchy import placeBeside
from SlicerMambaMedLib.VolumeTable import createTableNode

__all__ = ["ResultImport"]


class ResultImport(ABC):
    """Adds the result of a job to the scene; given to ``SceneJob``, which makes it one undo step.

    A subclass reads and checks every file before it adds the first node.

    Args:
        scene: where the nodes go.
        beside: node in whose folder, study or patient the new nodes are placed; None for the top level.
        names: what the patterns of the nodes' names are filled with, for example ``{"name": "CT"}``.
    """

    def __init__(self, scene: Any, beside: Any | None, names: Mapping[str, str]) -> None:
        self._scene = scene
        self._beside = beside
        self._names = dict(names)

    @abstractmethod
    def __call__(self, directory: Any, job: Any) -> Any:
        """Read the outputs of a ``JobDirectory`` that is done and return the new nodes."""

    @staticmethod
    def _readRecord(directory: Any, job: Any, needed: Sequence[str], lacking: str) -> dict[str, Any]:
        """Return the run record with the warnings of the export among its own.

        Args:
            directory: a ``JobDirectory`` that is done.
            job: the ``SceneJob``.
            needed: outputs that there must be.
            lacking: sentence for the user where one is not there.

        Raises:
            ValueError: there is no record, or an output is not there.
        """
        record = directory.result()
        if record is None or any(name not in directory.outputs for name in needed):
            raise ValueError(lacking)
        for warning in job.warnings:
            if warning not in record.setdefault("warnings", []):
                record["warnings"].append(warning)
        return dict(record)

    def _freeName(self, pattern: str, **more: str) -> str:
        """Return a name for a new node that no node of the scene has."""
        return str(self._scene.GenerateUniqueName(pattern.format(**self._names, **more)))

    def _place(self, node: Any) -> Any:
        """Put a node that is in the scene beside the input and return it."""
        placeBeside(node, self._beside)
        return node

    def _addTable(self, pattern: str, path: Path | None) -> Any | None:
        """Add a CSV file as a table node; None where there is no file."""
        return self._place(createTableNode(self._scene, self._freeName(pattern), path)) if path is not None else None
