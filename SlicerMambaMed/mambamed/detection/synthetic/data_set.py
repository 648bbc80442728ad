"""Write a set of synthetic pictures to a folder, as DOTA lays its own out."""

from __future__ import annotations

import json
from pathlib import Path

import SimpleITK as sitk

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.dota_text import write_dota_text
from mambamed.detection.synthetic.draw import draw_scene
from mambamed.detection.synthetic.paint import paint_scene
from mambamed.detection.synthetic.settings import SyntheticSettings
from mambamed.errors import BadRequestError

__all__ = ["write_data_set"]


def write_data_set(folder: str | Path, settings: SyntheticSettings, split: str, count: int) -> list[Path]:
    """Write pictures 0 to ``count`` - 1 of a split.

    Args:
        folder: Made if it is missing; must be empty. It gets ``images/NAME.png``, ``labelTxt/NAME.txt`` and
            ``settings.json``.
        settings: What the pictures are.
        split: ``train`` or ``test``.
        count: At least 1.

    Returns:
        The pictures' files.

    Raises:
        BadRequestError: The folder cannot be made or holds something, or the split or the count is impossible.
    """
    folder = Path(folder)
    if count < 1:
        raise BadRequestError(f"{count} pictures are asked for; expected at least 1.")
    draw_scene(settings, split, 0)  # refuses an unknown split before anything is written
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise BadRequestError(f"The folder {folder} cannot be used ({error.strerror}); give an empty one.") from error
    if occupied:
        raise BadRequestError(f"The folder {folder} is not empty; give an empty one.")
    for name in ("images", "labelTxt"):
        (folder / name).mkdir()
    description = {"settings": settings.to_json(), "split": split, "count": count}
    (folder / "settings.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    files = []
    for number in range(count):
        scene = draw_scene(settings, split, number)
        file = folder / "images" / f"{split}-{number:05d}.png"
        sitk.WriteImage(sitk.GetImageFromArray(paint_scene(scene), isVector=True), str(file))
        objects = [AnnotatedObject(item.box) for item in scene.objects]
        write_dota_text(folder / "labelTxt" / f"{file.stem}.txt", objects)
        files.append(file)
    return files
