"""One-pass networks judged on real heads of different persons: T1 onto T1, and T1 onto FLAIR, by Dice of structures.

Run it as ``python -m mambamed.registration.evidence.network_pairs --data DIR [--model NAME] [--output STEM]``, where
``DIR`` holds ``<subject>_T1.nii.gz``, ``<subject>_FL.nii.gz`` and ``<subject>_T1_DLMUSE.nii.gz`` of two subjects or
more. What ``STEM.json`` holds already, made with the same models, is not measured again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from mambamed.errors import BadRequestError
from mambamed.models.catalogue import find_model
from mambamed.registration.evidence.brain_structures import grouped
from mambamed.registration.evidence.brain_structures import structure_dice
from mambamed.registration.evidence.network_methods import METHODS
from mambamed.registration.evidence.network_methods import affine_start
from mambamed.registration.evidence.network_methods import run_method
from mambamed.registration.evidence.tables import write_between_markers
from mambamed.registration.registration import register

__all__ = ["CONTRASTS", "judge_pair", "network_tables", "pairs_of_subjects"]

CONTRASTS = {"T1-T1": "T1", "T1-FLAIR": "FL"}
"""Moving and fixed contrast -> ending of the fixed image's file."""
_LABELS = "_T1_DLMUSE.nii.gz"
_MARKERS = ("<!-- network tables -->", "<!-- end of network tables -->")
_NAMES = {
    "before": "positions of the files",
    "affine": "affine (MIND-SSC)",
    "network": "network, one pass",
    "network+mind-ssc": "network, refined with MIND-SSC",
    "network+disa": "network, refined with DISA",
    "disa": "DISA, deformable",
    "mind-ssc": "MIND-SSC, deformable",
    "b-spline": "B-spline, mutual information (SimpleITK)",
}


def pairs_of_subjects(folder: Path, partners: int = 1) -> list[tuple[str, str]]:
    """Fixed and moving subject of each pair: every subject is fixed for its next ``partners`` in turn."""
    subjects = sorted(file.name.removesuffix(_LABELS) for file in folder.glob(f"*{_LABELS}"))
    if len(subjects) < 2:
        raise BadRequestError(f"The folder {folder} holds {len(subjects)} files *{_LABELS}, expected two or more.")
    steps = range(1, min(partners, len(subjects) - 1) + 1)
    count = len(subjects)
    return [(subjects[place], subjects[(place + step) % count]) for step in steps for place in range(count)]


def judge_pair(
    folder: Path, fixed_subject: str, moving_subject: str, contrast: str, methods: Sequence[str], models: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Register the T1 image of one subject onto an image of another by every method.

    Yields:
        One row per method, "before" and "affine" first: Dice by structure and its mean, folded voxels, seconds.
    """
    fixed = sitk.ReadImage(str(folder / f"{fixed_subject}_{CONTRASTS[contrast]}.nii.gz"), sitk.sitkFloat32)
    moving = sitk.ReadImage(str(folder / f"{moving_subject}_T1.nii.gz"), sitk.sitkFloat32)
    labels = [sitk.ReadImage(str(folder / f"{subject}{_LABELS}")) for subject in (fixed_subject, moving_subject)]
    identity = sitk.Transform(3, sitk.sitkIdentity)
    wanted = _labels_on(labels[0], fixed, _from_own_t1(folder, fixed_subject, contrast, fixed))

    def row(method: str, transform: sitk.Transform, **measured: Any) -> dict[str, Any]:
        by_structure = structure_dice(wanted, _labels_on(labels[1], fixed, transform))
        return {
            "fixed": fixed_subject,
            "moving": moving_subject,
            "contrast": contrast,
            "method": method,
            "weights": _weights(method, models),
            "dice": float(np.mean(list(by_structure.values()))),
            "structures": {name: round(value, 4) for name, value in by_structure.items()},
            **measured,
        }

    start = affine_start(fixed, moving)
    yield row("before", identity)
    yield row("affine", start.transform, seconds=start.seconds, folded_percent=0.0)
    for method in methods:
        found = run_method(method, fixed, moving, start.transform, models)
        measured: dict[str, Any] = {"seconds": found.seconds, "folded_percent": found.folded_percent}
        if found.network_seconds is not None:
            measured["network_seconds"] = found.network_seconds
        yield row(method, found.transform, **measured)


def network_tables(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a table per contrast, and one of the structures."""
    blocks = []
    for contrast in dict.fromkeys(row["contrast"] for row in rows):
        own = [row for row in rows if row["contrast"] == contrast]
        lines = [f"### {contrast}, different persons", ""]
        lines += ["| Method | Pairs | Dice (%) | over affine | better in | folded (%) | CPU s |", "| --- " * 7 + "|"]
        affine = _by_pair(own, "affine")
        for method in (name for name in _NAMES if _has(own, name)):
            found = _by_pair(own, method)
            dice = 100.0 * np.array([item["dice"] for item in found.values()])
            gain = 100.0 * np.array([item["dice"] - affine[pair]["dice"] for pair, item in found.items()])
            seconds, folded = (
                [item[name] for item in found.values() if name in item] for name in ("seconds", "folded_percent")
            )
            cells = [_NAMES[method], str(len(found)), f"{dice.mean():.1f} ± {dice.std():.1f}"]
            cells += ["", ""] if method == "affine" else [f"{gain.mean():+.1f}", f"{(gain > 0).sum()} of {len(gain)}"]
            cells += [f"{np.mean(folded):.2f}" if folded else "", f"{np.mean(seconds):.1f}" if seconds else ""]
            lines.append("| " + " | ".join(cells) + " |")
        blocks.append("\n".join(lines))
    blocks.append(_structure_table(rows))
    return "\n\n".join(blocks) + "\n"


def _structure_table(rows: Sequence[dict[str, Any]]) -> str:
    """Dice of each structure, over the pairs of a contrast that all methods of the table have registered."""
    shown = [method for method in ("affine", "network", "network+mind-ssc", "mind-ssc") if _has(rows, method)]
    columns = []
    for contrast in dict.fromkeys(row["contrast"] for row in rows):
        own = [row for row in rows if row["contrast"] == contrast]
        by_method = {method: _by_pair(own, method) for method in shown if _has(own, method)}
        common = set.intersection(*(set(found) for found in by_method.values()))
        for method, found in by_method.items():
            title = f"{contrast}: {_NAMES[method]} ({len(common)})"
            columns.append((title, [found[pair]["structures"] for pair in sorted(common)]))
    lines = ["### Dice (%) by structure, mean over so many pairs", ""]
    lines.append("| Structure | " + " | ".join(title for title, _ in columns) + " |")
    lines.append("| --- " * (len(columns) + 1) + "|")
    for name in dict.fromkeys(name for row in rows for name in row["structures"]):
        cells = [name]
        for _, structures in columns:
            values = [found[name] for found in structures if name in found]
            cells.append(f"{100.0 * np.mean(values):.1f}" if values else "-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _has(rows: Sequence[dict[str, Any]], method: str) -> bool:
    return any(row["method"] == method for row in rows)


def _by_pair(rows: Sequence[dict[str, Any]], method: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["fixed"], row["moving"]): row for row in rows if row["method"] == method}


def _from_own_t1(folder: Path, subject: str, contrast: str, fixed: sitk.Image) -> sitk.Transform:
    """From a fixed image to the T1 image of the same person, on which the labels were made.

    Persons move between two scans, by more than 10 mm in two of NiChart's five: headers do not tell.
    """
    if CONTRASTS[contrast] == "T1":
        return sitk.Transform(3, sitk.sitkIdentity)
    t1 = sitk.ReadImage(str(folder / f"{subject}_T1.nii.gz"), sitk.sitkFloat32)
    found = register(fixed, t1, "mind-ssc", "rigid", initial="header", search="local", cache=False, device="cpu")
    return found.transform


def _labels_on(labels: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> NDArray[np.uint8]:
    moved = sitk.Resample(sitk.Cast(labels, sitk.sitkInt32), grid, transform, sitk.sitkNearestNeighbor, 0.0)
    return grouped(sitk.GetArrayFromImage(moved))


def _known(stem: Path | None, models: dict[str, str]) -> list[dict[str, Any]]:
    """Rows measured before, where the models that they used are the same."""
    file = None if stem is None else stem.with_suffix(".json")
    if file is None or not file.is_file():
        return []
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    return [row for row in rows if row["weights"] == _weights(row["method"], models)]


def _weights(method: str, models: dict[str, str]) -> list[str]:
    """Identifier and checksums of the models that a method uses."""
    found = []
    for role, model in models.items():
        if role in method:
            card = find_model(model).card
            found.append(" ".join([card.id, *(str(item.sha256) for item in card.weights)]))
    return found


def _is_of(row: dict[str, Any], pair: tuple[str, str], contrast: str) -> bool:
    return (row["fixed"], row["moving"]) == pair and row["contrast"] == contrast


def main() -> None:
    """Command line: measure, print and write the tables."""
    parser = argparse.ArgumentParser(description="Judge registration networks on heads of different persons.")
    parser.add_argument("--data", type=Path, required=True, help="folder with images and DLMUSE label maps")
    parser.add_argument("--model", default="vmambamorph-brain", help="network: name or folder (default: %(default)s)")
    parser.add_argument("--descriptors", default="disa-lc2", help="DISA model (default: %(default)s)")
    parser.add_argument("--method", action="append", choices=METHODS, help="only this method (may be repeated)")
    parser.add_argument("--contrast", action="append", choices=list(CONTRASTS), help="only this (may be repeated)")
    parser.add_argument("--partners", type=int, default=1, help="moving subjects per fixed one (default: 1)")
    parser.add_argument("--pairs", type=int, help="only the first pairs of each contrast")
    parser.add_argument("--threads", type=int, default=1, help="of every method (default: 1)")
    parser.add_argument("--output", type=Path, help="write STEM.json, and the tables into STEM.md at their markers")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(arguments.threads)
    methods = tuple(arguments.method or METHODS)
    models = {"network": arguments.model, "disa": arguments.descriptors}
    rows = _known(arguments.output, models)
    for pair in pairs_of_subjects(arguments.data, arguments.partners)[: arguments.pairs]:
        for contrast in arguments.contrast or CONTRASTS:
            done = {row["method"] for row in rows if _is_of(row, pair, contrast)}
            wanted = [method for method in methods if method not in done]
            if not wanted:
                continue
            for row in judge_pair(arguments.data, *pair, contrast, wanted, models):
                seconds, folded = row.get("seconds", 0.0), row.get("folded_percent", 0.0)
                print(
                    f"{contrast} {pair[1]} -> {pair[0]} {row['method']:18s} Dice {100 * row['dice']:5.1f}  "
                    f"{seconds:6.1f} CPU s  folded {folded:.2f} %",
                    flush=True,
                )
                if row["method"] not in done:
                    rows.append(row)
                if arguments.output:
                    text = json.dumps({"threads": arguments.threads, "rows": rows}, indent=1) + "\n"
                    arguments.output.with_suffix(".json").write_text(text, encoding="utf-8")
    text = network_tables(rows)
    print(text)
    if arguments.output:
        write_between_markers(arguments.output.with_suffix(".md"), text, *_MARKERS)


if __name__ == "__main__":
    main()
