"""What a run will cost, in one or two sentences."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from SlicerMambaMedLib.TimeText import timeInWords

__all__ = ["estimateText"]


def estimateText(estimate: Any) -> str:
    """Return the engine's estimate (``memory_bytes``, ``seconds`` or None, ``warnings``) in words."""
    memory = _("{size} GB of memory").format(size=f"{estimate.memory_bytes / 2**30:.1f}")
    if estimate.seconds is None:
        text = _("Expected: {memory}.").format(memory=memory)
    else:
        text = _("Expected: {time}, {memory}.").format(time=timeInWords(estimate.seconds), memory=memory)
    return "\n".join([text, *(_("Warning: {text}").format(text=warning) for warning in estimate.warnings)])
