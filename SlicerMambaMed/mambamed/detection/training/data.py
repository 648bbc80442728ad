"""The images of a detector's training and measuring: the user's, or synthetic ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mambamed.detection.data_folder import AnnotatedImage
from mambamed.detection.data_folder import read_data_folder
from mambamed.detection.synthetic.data_set import write_data_set
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.errors import BadRequestError

__all__ = ["DetectionData", "prepare_data"]


@dataclass(frozen=True)
class DetectionData:
    """What a detector is trained and measured on.

    Attributes:
        train: training images.
        test: images for the measures.
        classes: names in the network's order.
        seen: whether the test images are the training images.
    """

    train: list[AnnotatedImage]
    test: list[AnnotatedImage]
    classes: tuple[str, ...]
    seen: bool


def prepare_data(settings: DetectionTrainingSettings, work: Path) -> DetectionData:
    """Read the annotated images, or draw synthetic ones, and part them.

    Raises:
        BadRequestError: the data have problems or hold no objects of the classes.
    """
    if settings.synthetic:
        train = _synthetic(settings, work / "synthetic", "train", settings.synthetic_images)
        test = _synthetic(settings, work / "synthetic", "test", settings.synthetic_test_images)
        return DetectionData(train, test, settings.classes or settings.synthetic_pictures.labels, seen=False)
    images = _read_folders(settings)
    held_out = round(settings.held_out_share * len(images))
    if settings.test_dataset:
        train, test = images, read_data_folder(settings.test_dataset, settings.classes)
    elif held_out:
        order = np.random.default_rng(settings.seed).permutation(len(images)).tolist()
        test, train = ([images[place] for place in sorted(part)] for part in (order[:held_out], order[held_out:]))
    else:
        train = test = images
    labels = _labels_of(train)
    classes = tuple(name for name in settings.classes or labels if name in labels)
    if not classes:
        raise BadRequestError(
            f"The training images of {settings.dataset} have no objects of {', '.join(settings.classes) or 'any class'}"
            f" ({', '.join(labels) or 'none'} are annotated); annotate some, or name other classes."
        )
    return DetectionData(train, test, classes, seen=test is train)


def _read_folders(settings: DetectionTrainingSettings) -> list[AnnotatedImage]:
    """Read the dataset and the further ones."""
    folders = (settings.dataset, *settings.further_datasets)
    images = [image for folder in folders for image in read_data_folder(folder, settings.classes)]
    names = [image.name for image in images]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadRequestError(f"Two images of the folders are called {twice[0]}; each needs its own name.")
    return images


def _synthetic(settings: DetectionTrainingSettings, folder: Path, split: str, count: int) -> list[AnnotatedImage]:
    """Write the pictures of a split unless a run before has, and read them."""
    place = folder / split
    description = place / "settings.json"
    wanted = {"settings": settings.synthetic_pictures.to_json(), "split": split, "count": count}
    if not (place / "complete").is_file() or json.loads(description.read_text(encoding="utf-8")) != wanted:
        shutil.rmtree(place, ignore_errors=True)
        write_data_set(place, settings.synthetic_pictures, split, count)
        (place / "complete").touch()
    return read_data_folder(place)


def _labels_of(images: Sequence[AnnotatedImage]) -> list[str]:
    """Return the labels of all objects, by alphabet."""
    return sorted({item.box.label for image in images for item in image.objects})
