"""Draw a scene at random: its regions, its objects, its noise. One triple of seed, split and number names a scene."""

from __future__ import annotations

import numpy as np

from mambamed.detection.synthetic.placement import Placement
from mambamed.detection.synthetic.scene import Border
from mambamed.detection.synthetic.scene import Color
from mambamed.detection.synthetic.scene import Scene
from mambamed.detection.synthetic.settings import DOMAINS
from mambamed.detection.synthetic.settings import SPLITS
from mambamed.detection.synthetic.settings import SyntheticSettings
from mambamed.errors import BadRequestError

__all__ = ["draw_scene"]

_REGIONS: dict[str, tuple[Color, Color]] = {
    "aerial": ((0.13, 0.26, 0.34), (0.46, 0.44, 0.38)),  # water, land
    "ct": ((0.16, 0.16, 0.16), (0.5, 0.5, 0.5)),  # lung, chest wall
}
# Where the border lies between the picture's middle (0) and its rim (1), against the first region.
_BORDER_SHIFT = {"aerial": (-0.12, 0.12), "ct": (0.55, 0.85)}
_LARGEST_ROW = 7
_ATTEMPTS = 60


def draw_scene(settings: SyntheticSettings, split: str, number: int) -> Scene:
    """Draw one scene; the same arguments give the same scene.

    Args:
        settings: What the set of pictures is.
        split: ``train`` or ``test``.
        number: Of the picture in its split, 0 or more.

    Raises:
        BadRequestError: The split is unknown or the number negative.
    """
    if split not in SPLITS or number < 0:
        raise BadRequestError(
            f"Picture {number} of the split {split!r} is asked for; expected one of {', '.join(SPLITS)}, from 0 on."
        )
    name = (settings.seed, tuple(DOMAINS).index(settings.domain), SPLITS.index(split), number)
    random = np.random.default_rng(name)
    width, height = settings.size
    normal = float(random.uniform(0.0, 2.0 * np.pi))
    shift = float(random.uniform(*_BORDER_SHIFT[settings.domain]))
    reach = 0.5 * (width * abs(np.cos(normal)) + height * abs(np.sin(normal)))  # from the middle to the farthest corner
    border = Border(
        x=0.5 * (width - 1) - shift * reach * float(np.cos(normal)),
        y=0.5 * (height - 1) - shift * reach * float(np.sin(normal)),
        normal_rad=normal,
    )
    brightness = random.uniform(0.85, 1.15, 2)
    one, other = (
        (red * factor, green * factor, blue * factor)
        for (red, green, blue), factor in zip(_REGIONS[settings.domain], brightness.tolist(), strict=True)
    )
    level = settings.noise * float(random.uniform(0.5, 1.5))
    texture, noise = random.standard_normal((2, height, width), dtype=np.float32)
    placement = Placement(settings.size, border, random)
    _fill(placement, settings, random)
    return Scene(settings.size, tuple(placement.objects), border, (one, other), texture, noise, level)


def _fill(placement: Placement, settings: SyntheticSettings, random: np.random.Generator) -> None:
    """Place groups, always of the label with the fewest objects, until there are enough or there is no room."""
    wanted = max(1, round(settings.density * settings.size[0] * settings.size[1] / 10_000))
    counts = {settings.labels[int(index)]: 0 for index in random.permutation(len(settings.labels))}
    placed = 0
    while placed < wanted:
        label = min(counts, key=lambda name: counts[name])
        crowded = random.random() < settings.crowded_share
        # The largest row is limited so that no label gets ahead of the others by much.
        row = min(int(random.integers(3, _LARGEST_ROW + 1)) if crowded else 1, wanted - placed)
        added = 0
        for attempt in range(_ATTEMPTS):
            added = placement.add_row(label, max(1, row - attempt // 10))
            if added:
                break
        if not added:
            return
        counts[label] += added
        placed += added
