"""One segmentation as the panel or a script asks for it: nodes of the scene and the engine's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from SlicerMambaMedLib.NodeExport import isVolumeUsable
from SlicerMambaMedLib.NodeExport import regionLpsMm
from SlicerMambaMedLib.Text import tr as _

if TYPE_CHECKING:
    from mambamed.segmentation.settings import SegmentationSettings

__all__ = ["SegmentationRequest"]


@dataclass(frozen=True)
class SegmentationRequest:
    """What shall be segmented, how, and where the result goes.

    Attributes:
        inputs: the input volumes, one per channel of the model in the model's order.
        settings: the engine's settings (model, device, step size, labels, ...); see ``mambamed.segmentation.settings``.
        region: markups ROI node to which the computation is limited, or None; takes the place of the settings' region.
        output: segmentation node that shall hold the result; None for a new one.
        show3D: whether surfaces are made for the 3D views.
        expectedChecksums: SHA-256 of the inputs' files in the run that this one repeats; others lead to a warning.
    """

    inputs: tuple[Any, ...]
    settings: SegmentationSettings
    region: Any | None = None
    output: Any | None = None
    show3D: bool = False
    expectedChecksums: tuple[str, ...] = ()

    def problem(self, channelNames: tuple[str, ...] = ()) -> str:
        """Return an empty text when this can be started, else one sentence that says what is missing.

        Args:
            channelNames: names of the model's channels, in its order, if known.
        """
        expected = max(1, len(channelNames))
        for index in range(expected):
            node = self.inputs[index] if index < len(self.inputs) else None
            if node is None:
                if expected == 1:
                    return _("Choose an input volume.")
                return _("Choose a volume for the channel {name}.").format(name=channelNames[index])
            reason = isVolumeUsable(node)
            if reason:
                return reason
        if channelNames and len(self.inputs) > expected:
            text = _("The model takes {expected} input volume(s); {found} were given.")
            return text.format(expected=expected, found=len(self.inputs))
        return ""

    def engineSettings(self) -> dict[str, Any]:
        """Return the settings as the engine's request file has them, with the region in LPS millimetres.

        Raises:
            ValueError: the region has no extent.
        """
        settings = self.settings
        if self.region is not None:
            settings = settings.replace(region_of_interest_lps_mm=regionLpsMm(self.region))
        return dict(settings.to_json())
