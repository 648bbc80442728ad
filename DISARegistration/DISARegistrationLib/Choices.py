"""The words for what can be chosen in the panel."""

from __future__ import annotations

from typing import Any

from SlicerMambaMedLib.Text import tr as _

__all__ = [
    "changedNames",
    "initialEntries",
    "methodEntries",
    "presetEntries",
    "searchEntries",
    "similarityEntries",
    "transformEntries",
]


def presetEntries() -> list[tuple[str, str, str]]:
    """Return key, words and explanation of each preset."""
    from mambamed.registration.presets import PRESETS

    return [(key, preset.title, preset.description) for key, preset in PRESETS.items()]


def methodEntries(networks: Any = ()) -> list[tuple[str, str, str]]:
    """Return key, words and explanation of each method.

    Args:
        networks: ``ModelEntry`` of the one-pass networks that are there.
    """
    entries = [
        ("disa", _("DISA"), _("Learned descriptors whose product stands for LC2: MR, CT and ultrasound")),
        ("mind-ssc", _("MIND-SSC"), _("Self-similarity descriptors: same or similar modalities, no learning")),
        ("lc2", _("LC2"), _("Linear correlation of linear combination: ultrasound against MR or CT; slow")),
        ("ncc", _("Cross-correlation"), _("Normalised cross-correlation: the same modality")),
        ("mattes", _("Mutual information"), _("Mattes mutual information: any modalities, needs a good start")),
    ]
    for entry in networks:
        text = _("Deformable network: {title}").format(title=entry.title)
        entries.append((f"network:{entry.key}", text, _("A deformation in one pass; its card tells what it knows")))
    return entries


def similarityEntries() -> list[tuple[str, str, str]]:
    """Return key, words and explanation of what a network's registration compares by."""
    from mambamed.registration.settings import FEATURE_METHODS

    return [entry for entry in methodEntries() if entry[0] in FEATURE_METHODS]


def transformEntries() -> list[tuple[str, str, str]]:
    """Return key, words and explanation of each transform model."""
    return [
        ("rigid", _("Rigid"), _("Rotation and translation")),
        ("affine", _("Affine"), _("Rotation, translation, scaling and shear")),
        ("deformable", _("Deformable"), _("A displacement of its own at each point, smooth")),
        ("probe-pressure", _("Rigid + probe pressure"), _("Rigid, and the compression by an ultrasound probe")),
    ]


def searchEntries() -> list[tuple[str, str, str]]:
    """Return key, words and explanation of each search."""
    return [
        ("local", _("From the start only"), _("One start: the volumes lie nearly right")),
        ("global-narrow", _("± 10°, ± 25 mm"), _("Many starts around the first one")),
        ("global-wide", _("± 40°, ± 150 mm"), _("Many starts in a wide range around the first one")),
        ("none", _("Keep the start"), _("The linear part stays as it is; only for deformable")),
    ]


def initialEntries() -> list[tuple[str, str, str]]:
    """Return key, words and explanation of each place where the search begins."""
    return [
        ("header", _("Where the volumes lie"), _("Positions from the files and parent transforms")),
        ("centre", _("Aligned centres"), _("The centres of the volumes are brought together first")),
        ("transform", _("Initial transform"), _("The transform that is chosen below, as the moving volume's parent")),
    ]


def changedNames(parameters: list[str]) -> list[str]:
    """Return the words of the panel for parameters that were changed after the choice of a preset."""
    words = {
        "method": _("method"),
        "transformModel": _("transform"),
        "initial": _("start"),
        "search": _("search"),
        "starts": _("starts"),
        "rotationRangeDeg": _("rotation range"),
        "translationRangeMm": _("translation range"),
        "workingSpacingMm": _("working spacing"),
        "stride": _("feature distance"),
        "regularisation": _("smoothness"),
        "iterations": _("iterations"),
        "inverseConsistent": _("inverse consistency"),
        "diffeomorphic": _("diffeomorphic"),
        "similarity": _("network's similarity"),
        "refine": _("network's refinement"),
    }
    return [words.get(name, name) for name in parameters]
