"""One emphysema analysis as the panel or a script asks for it: nodes of the scene and the engine's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from SlicerMambaMedLib.NodeExport import isVolumeUsable
from SlicerMambaMedLib.Text import tr as _

if TYPE_CHECKING:
    from mambamed.emphysema.settings import EmphysemaSettings

__all__ = ["EmphysemaRequest"]


@dataclass(frozen=True)
class EmphysemaRequest:
    """What shall be analyzed, and how.

    Attributes:
        ct: chest CT (scalar volume node, HU).
        settings: the engine's settings; see ``mambamed.emphysema.settings``.
        lungs: segmentation node of the lungs (one or two segments) or of the lobes (three or more); None for neither.
        previous: earlier CT of the same patient, or None.
        previousLungs: segmentation node of the lungs or lobes in the earlier CT, or None.
        expert: segmentation node of emphysema drawn by a person, or None.
        name: beginning of the new nodes' names; the CT's name if empty.
        show3D: whether surfaces of the lung regions are made.
        expectedChecksums: SHA-256 of the inputs' files by input name in the run that this one repeats.
    """

    ct: Any
    settings: EmphysemaSettings
    lungs: Any | None = None
    previous: Any | None = None
    previousLungs: Any | None = None
    expert: Any | None = None
    name: str = ""
    show3D: bool = False
    expectedChecksums: tuple[tuple[str, str], ...] = ()

    @property
    def volumes(self) -> dict[str, Any]:
        """The volumes by the engine's input names."""
        return {name: node for name, node in (("ct", self.ct), ("previous_ct", self.previous)) if node is not None}

    @property
    def nodes(self) -> list[Any]:
        """All nodes without which the result would make no sense."""
        given = (self.ct, self.lungs, self.previous, self.previousLungs, self.expert)
        return [node for node in given if node is not None]

    def problem(self) -> str:
        """Return an empty text when this can be started, else one sentence that says what is missing."""
        if self.ct is None:
            return _("Choose a chest CT.")
        if self.previous is self.ct:
            return _("The earlier CT is the same volume as the CT. Choose another one, or none.")
        for node in self.volumes.values():
            reason = isVolumeUsable(node)
            if reason:
                return reason
        for node in (self.lungs, self.previousLungs, self.expert):
            if node is not None and node.GetSegmentation().GetNumberOfSegments() == 0:
                text = _('The segmentation "{name}" has no segment. Draw one, or choose none.')
                return text.format(name=node.GetName())
        return ""
