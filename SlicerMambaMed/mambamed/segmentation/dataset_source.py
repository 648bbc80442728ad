"""What a folder of training cases holds: nnU-Net's form, the Decathlon's, BIDS, or pairs of images and labels.

Standard library only: Slicer asks this before a training is started. File contents are checked by the training job.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

__all__ = ["DatasetSource", "SourceCase", "is_nnunet_name", "read_dataset_source"]

_IMAGE_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".png", ".tif", ".tiff", ".bmp")
_IMAGE_FOLDERS = ("images", "image", "imagestr", "volumes", "img")
_LABEL_FOLDERS = ("labels", "label", "labelstr", "masks", "mask", "segmentations", "segmentation", "seg")
_LABEL_SUFFIX = re.compile(r"[._-](label|labels|seg|segmentation|mask|dseg)$", re.IGNORECASE)
_CHANNEL = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")
_NNUNET_NAME = re.compile(r"^Dataset(?P<number>\d{3})_.+$")
_BIDS_SUBJECT = re.compile(r"^sub-[A-Za-z0-9]+$")
_EXPECTED = (
    "expected an nnU-Net data set (a folder like Dataset001_Liver with dataset.json, imagesTr and labelsTr), a "
    "Decathlon data set, a BIDS folder with *_dseg files, folders images and labels with files of the same names, or "
    "pairs like a.nii.gz and a_seg.nii.gz"
)


@dataclass(frozen=True)
class SourceCase:
    """One case: its images, one per channel (or one file with all of them), and its label map."""

    name: str
    images: tuple[Path, ...]
    label: Path | None


@dataclass
class DatasetSource:
    """Cases of a folder.

    Attributes:
        folder: Where they are.
        kind: ``nnunet``, ``decathlon``, ``bids``, ``folders``, ``pairs``; empty if there is nothing of these.
        cases: In the order of their names.
        channels: Names of the channels.
        labels: Names of the label values (regions have several values), background included; empty if nothing says.
        problems: One sentence for each thing that is wrong.
    """

    folder: Path
    kind: str = ""
    cases: list[SourceCase] = field(default_factory=list)
    channels: tuple[str, ...] = ()
    labels: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def is_nnunet_name(name: str) -> bool:
    """Whether nnU-Net takes this as the name of a data set."""
    found = _NNUNET_NAME.match(name)
    return found is not None and int(found["number"]) > 0


def read_dataset_source(folder: Path) -> DatasetSource:
    """Find the cases of a folder and what is wrong with them, by names alone; nothing is raised for it."""
    source = DatasetSource(folder)
    if not folder.is_dir():
        source.problems.append(f"The folder {folder} does not exist; {_EXPECTED}.")
        return source
    description = _description(source)
    if "training" in description:
        _read_decathlon(source, description)
    elif description.get("channel_names"):
        _read_nnunet(source, description)
    elif any(_BIDS_SUBJECT.match(path.name) for path in folder.iterdir() if path.is_dir()):
        _read_bids(source)
    else:
        _read_pairs(source)
    if not source.cases:
        source.problems.append(f"There are no training cases in {folder}; {_EXPECTED}.")
    for case in source.cases:
        if case.label is None:
            source.problems.append(f"{case.name}: there is no label map for this image.")
        if len(case.images) != len(source.channels) and source.kind != "decathlon":
            source.problems.append(f"{case.name}: {len(case.images)} of {len(source.channels)} channels were found.")
    return source


def _description(source: DatasetSource) -> Mapping[str, Any]:
    path = source.folder / "dataset.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        source.problems.append(f"dataset.json cannot be read as JSON ({error}).")
        return {}
    return content if isinstance(content, dict) else {}


def _read_nnunet(source: DatasetSource, description: Mapping[str, Any]) -> None:
    source.kind = "nnunet"
    names = description["channel_names"]
    source.channels = tuple(str(names[number]) for number in sorted(names, key=int))
    source.labels = dict(description.get("labels", {}))
    listed = description.get("dataset")
    if isinstance(listed, dict):
        for name, files in sorted(listed.items()):
            images = tuple(source.folder / image for image in files.get("images", ()))
            source.cases.append(SourceCase(name, images, source.folder / files["label"] if "label" in files else None))
    else:
        _match(source, _files(source.folder / "imagesTr"), _files(source.folder / "labelsTr"))
    if not is_nnunet_name(source.folder.name):
        source.problems.append(f"The folder is named {source.folder.name!r}; nnU-Net expects a name like Dataset001_A.")


def _read_decathlon(source: DatasetSource, description: Mapping[str, Any]) -> None:
    source.kind = "decathlon"
    names = description.get("modality") or {"0": "image"}
    source.channels = tuple(str(names[number]) for number in sorted(names, key=int))
    source.labels = {str(name): int(value) for value, name in dict(description.get("labels", {})).items()}
    for entry in description["training"]:
        image, label = source.folder / str(entry["image"]), source.folder / str(entry["label"])
        name = _stem(image)
        for path in (image, label):
            if not path.is_file():
                source.problems.append(f"{name}: dataset.json names {path.name}, which does not exist.")
        source.cases.append(SourceCase(name, (image,), label))


def _read_bids(source: DatasetSource) -> None:
    """Subjects with images below ``sub-*`` and label maps (``*_dseg``, ``*_mask``) beside them or in derivatives."""
    source.kind = "bids"
    by_case: dict[str, dict[str, Path]] = {}
    labels: dict[str, Path] = {}
    for path in sorted(source.folder.rglob("sub-*")):
        if not path.is_file() or not _ending(path) or not path.name.startswith("sub-"):
            continue
        parts = _stem(path).split("_")
        case = "_".join(part for part in parts if part.startswith(("sub-", "ses-")))
        if _LABEL_SUFFIX.search(_stem(path)):
            labels.setdefault(case, path)
        elif "derivatives" not in path.relative_to(source.folder).parts:
            by_case.setdefault(case, {})[parts[-1]] = path
    common = set.intersection(*[set(images) for images in by_case.values()]) if by_case else set()
    source.channels = tuple(sorted(common))
    for case, images in sorted(by_case.items()):
        source.cases.append(SourceCase(case, tuple(images[name] for name in source.channels), labels.get(case)))
    if by_case and not common:
        source.problems.append("There is no kind of image (T1w, FLAIR, ...) that all subjects have.")
    source.labels = _table_of_labels(source.folder)


def _read_pairs(source: DatasetSource) -> None:
    folders = {path.name.lower(): path for path in source.folder.iterdir() if path.is_dir()}
    images = next((folders[name] for name in _IMAGE_FOLDERS if name in folders), None)
    labels = next((folders[name] for name in _LABEL_FOLDERS if name in folders), None)
    if images is not None and labels is not None:
        source.kind = "folders"
        found, label_files = _files(images), _files(labels)
    else:
        source.kind = "pairs"
        files = _files(source.folder)
        label_files = {stem: path for stem, path in files.items() if _LABEL_SUFFIX.search(stem)}
        found = {stem: path for stem, path in files.items() if stem not in label_files}
    numbers = {match["channel"] for stem in found if (match := _CHANNEL.match(stem))}
    source.channels = tuple(f"channel {int(number)}" for number in sorted(numbers)) or ("image",)
    _match(source, found, label_files)
    source.labels = _table_of_labels(source.folder)
    if not source.cases:
        source.kind = ""


def _match(source: DatasetSource, images: Mapping[str, Path], labels: Mapping[str, Path]) -> None:
    """Pair images with label maps of the same name, channels and label suffixes left out."""
    by_case: dict[str, list[Path]] = {}
    for stem, path in sorted(images.items()):
        numbered = _CHANNEL.match(stem)
        by_case.setdefault(numbered["case"] if numbered else stem, []).append(path)
    by_name = {_LABEL_SUFFIX.sub("", stem): path for stem, path in labels.items()}
    for name, paths in by_case.items():
        source.cases.append(SourceCase(name, tuple(paths), by_name.get(name)))
    for name in sorted(set(by_name) - set(by_case)):
        source.problems.append(f"{by_name[name].name}: there is no image for this label map.")


def _table_of_labels(folder: Path) -> dict[str, Any]:
    """Read the names of label values from ``labels.json`` or a table ``*dseg.tsv`` with the columns index and name."""
    try:
        if (folder / "labels.json").is_file():
            content = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
            return {str(name): int(value) for name, value in content.items()}
        for path in sorted(folder.glob("*dseg.tsv")):
            with path.open(newline="", encoding="utf-8-sig") as stream:
                rows = list(csv.DictReader(stream, delimiter="\t"))
            return {row["name"]: int(row["index"]) for row in rows}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}
    return {}


def _files(folder: Path) -> dict[str, Path]:
    """Return the image files of a folder by their names without ending."""
    if not folder.is_dir():
        return {}
    return {
        _stem(path): path
        for path in sorted(folder.iterdir())
        if path.is_file() and _ending(path) and not path.name.startswith(".")
    }


def _ending(path: Path) -> str:
    return next((ending for ending in _IMAGE_ENDINGS if path.name.lower().endswith(ending)), "")


def _stem(path: Path) -> str:
    return path.name[: -len(_ending(path))] if _ending(path) else path.name
