"""A folder of images with oriented boxes, in any of the forms that are read, as a list of images with their objects."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.annotated_object import read_text
from mambamed.detection.annotations.coco_json import read_coco_json
from mambamed.detection.annotations.dota_text import read_dota_text
from mambamed.detection.annotations.hrsc_xml import read_hrsc_xml
from mambamed.detection.annotations.yolo_obb_text import read_yolo_obb_text
from mambamed.errors import BadRequestError

__all__ = ["AnnotatedImage", "read_data_folder"]

IMAGE_FOLDERS = ("images", "AllImages", "JPEGImages")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_DOTA_FOLDERS = ("labelTxt", "labelTxt-v1.0", "labelTxt-v1.5", "labelTxt-v2.0")
_YOLO_FOLDERS = ("labels", "labels_yolo_obb")
_XML_FOLDERS = ("Annotations", "annotations")
_COCO_FILES = ("annotations.json",)
_CLASSES_FILE = "classes.txt"
_FORMS = (
    "images/ and labelTxt/NAME.txt (DOTA), labels/NAME.txt (YOLO-OBB, names in classes.txt), Annotations/NAME.xml "
    "(HRSC2016) or annotations.json (COCO)"
)


@dataclass(frozen=True)
class AnnotatedImage:
    """An image's file with what is in it.

    Attributes:
        name: the file's name without its ending.
        path: the file.
        size: columns and rows.
        objects: in pixels.
    """

    name: str
    path: Path
    size: tuple[int, int]
    objects: tuple[AnnotatedObject, ...]


def read_data_folder(folder: str | Path, classes: Sequence[str] = ()) -> list[AnnotatedImage]:
    """Read all annotations of a folder; the images themselves are only asked for their size.

    Args:
        folder: with images in ``images`` (or ``AllImages``, ``JPEGImages``) and, beside it, one of: ``labelTxt``
            (DOTA's text), ``labels`` (YOLO-OBB; the classes' names in ``classes.txt``, a line each), ``Annotations``
            (HRSC2016's XML), ``annotations.json`` (COCO with angles).
        classes: names for YOLO-OBB's numbers, in place of ``classes.txt``; otherwise not used.

    Returns:
        Images by name; without annotations of its own an image is one without objects only in COCO's form.

    Raises:
        BadRequestError: with all images that lack annotations or cannot be read, or the annotation's file and line.
    """
    folder = Path(folder)
    images = _image_files(folder)
    read = _reader(folder, classes)
    found, problems = [], []
    for path in images:
        try:
            size = _image_size(path)
            found.append(AnnotatedImage(path.stem, path, size, tuple(read(path, size))))
        except BadRequestError as error:
            problems.append(str(error))
    if problems:
        raise BadRequestError("\n  - ".join([f"The images of {folder} have problems:", *problems]))
    return found


def _image_files(folder: Path) -> list[Path]:
    places = [folder / name for name in IMAGE_FOLDERS if (folder / name).is_dir()]
    files = [path for place in places[:1] for path in sorted(place.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise BadRequestError(f"{folder} has no images in a folder {' or '.join(IMAGE_FOLDERS)}; expected {_FORMS}.")
    names = [path.stem for path in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadRequestError(f"{folder} has several images called {twice[0]}; each needs its own name.")
    return files


def _image_size(path: Path) -> tuple[int, int]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise BadRequestError(f"{path} is no image that can be read; give PNG, JPEG, TIFF or BMP.") from error
    size = reader.GetSize()
    return int(size[0]), int(size[1])


def _reader(folder: Path, classes: Sequence[str]) -> Callable[[Path, tuple[int, int]], Sequence[AnnotatedObject]]:
    """Return what reads the objects of an image, given its file and size."""
    if place := _first(folder, _DOTA_FOLDERS):
        return partial(_read_beside, read_dota_text, place, ".txt")
    if place := _first(folder, _XML_FOLDERS):
        return partial(_read_beside, read_hrsc_xml, place, ".xml")
    if place := _first(folder, _YOLO_FOLDERS):
        return partial(_read_yolo, place, list(classes) or _class_names(folder))
    for name in _COCO_FILES:
        if (folder / name).is_file():
            by_name = read_coco_json(folder / name)
            return lambda image, _: _of_coco(by_name, image, folder / name)
    raise BadRequestError(f"{folder} has no annotations; expected {_FORMS}.")


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _read_beside(
    read: Callable[[Path], list[AnnotatedObject]], place: Path, ending: str, image: Path, _: tuple[int, int]
) -> list[AnnotatedObject]:
    return read(place / f"{image.stem}{ending}")


def _read_yolo(place: Path, names: list[str], image: Path, size: tuple[int, int]) -> list[AnnotatedObject]:
    return read_yolo_obb_text(place / f"{image.stem}.txt", image_size=size, class_names=names)


def _class_names(folder: Path) -> list[str]:
    names = [line.strip() for line in read_text(folder / _CLASSES_FILE).splitlines() if line.strip()]
    if not names or len(set(names)) < len(names):
        raise BadRequestError(f"{folder / _CLASSES_FILE} must name each class on a line of its own, no name twice.")
    return names


def _of_coco(by_name: dict[str, list[AnnotatedObject]], image: Path, file: Path) -> list[AnnotatedObject]:
    if image.name not in by_name:
        raise BadRequestError(f"{file} does not name the image {image.name}; add it, or remove the image.")
    return by_name[image.name]
