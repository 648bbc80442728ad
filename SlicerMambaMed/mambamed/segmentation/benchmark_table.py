"""The figures of the segmentation benchmark as tables, each aim beside what was measured."""

from __future__ import annotations

from typing import Any

__all__ = ["format_segmentation_benchmark", "segmentation_notes", "segmentation_tables"]

_LIKE = "nnunetv2 without mirroring"
_DEFAULTS = "nnunetv2 with its defaults"


def segmentation_tables(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one table per model, and one of the aims."""
    tables = [_table(entry) for entry in result["models"]]
    rows = [row for entry in result["models"] for row in _aims(entry)]
    tables.append({"title": "Aims", "columns": ["model", "figure", "aim", "measured", "reached"], "rows": rows})
    return tables


def _table(entry: dict[str, Any]) -> dict[str, Any]:
    like = entry["runs"][_LIKE]["seconds"]
    rows = []
    for name, run in entry["runs"].items():
        agreement = entry["agreement"].get(name)
        dice = min(agreement["dice"].values(), default=1.0) if agreement else None
        rows.append(
            [
                name + (f" ({run['dtype']})" if run.get("dtype") else ""),
                f"{run['seconds']:.1f}",
                f"{run['cpu_seconds']:.1f}",
                f"{like / run['seconds']:.2f}",
                f"{run['peak_bytes'] / 2**30:.2f}",
                f"{(run['peak_bytes'] - run['loaded_bytes']) / 2**30:.2f}",
                "-" if agreement is None else f"{100 * agreement['equal_voxels']:.4f}",
                "-" if dice is None else f"{dice:.4f}",
            ]
        )
    columns = [
        "run",
        "seconds",
        "CPU seconds",
        "speed",
        "peak memory (GiB)",
        "of it for the image (GiB)",
        "equal voxels (%)",
        "lowest Dice",
    ]
    return {"title": entry["name"], "columns": columns, "rows": rows}


def _aims(entry: dict[str, Any]) -> list[list[str]]:
    runs, agreement = entry["runs"], entry["agreement"]
    ours = runs["mambamed"]
    rows = []
    for name in (_DEFAULTS, _LIKE):
        if name in runs:
            factor = runs[name]["seconds"] / ours["seconds"]
            rows.append([entry["name"], f"speed against {name}", "3", f"{factor:.1f}", _verdict(factor >= 3.0)])
    memory = ours["peak_bytes"] / runs[_LIKE]["peak_bytes"]
    rows.append([entry["name"], "peak memory against nnunetv2", "1", f"{memory:.2f}", _verdict(memory <= 1.0)])
    dice = min(agreement["mambamed"]["dice"].values(), default=1.0)
    rows.append([entry["name"], "lowest Dice of a label", "0.995", f"{dice:.4f}", _verdict(dice >= 0.995)])
    equal = agreement["mambamed float32"]["equal_voxels"]
    rows.append(
        [entry["name"], "equal voxels in float32 (%)", "99.99", f"{100 * equal:.4f}", _verdict(equal >= 0.9999)]
    )
    return rows


def _verdict(reached: bool) -> str:
    return "yes" if reached else "no"


def segmentation_notes(result: dict[str, Any]) -> list[str]:
    """Return sentences that a reader of the tables must know."""
    machine, image = result["machine"], result["image"]
    versions = machine["versions"]
    size = " x ".join(str(length) for length in image["size"])
    notes = [
        f"Machine: {machine['processor']}, {machine['threads']} threads of {machine['cores']} cores; "
        f"torch {versions['torch']}, nnunetv2 {versions['nnunetv2']}, mambamed {versions['mambamed']}.",
        f"Volume: {image['name']}, {size} voxels of 1 mm. Time runs from the image in memory to the label map in "
        "memory; loading of the model is left out on both sides. Each run is one process and its peak memory is that "
        "of the whole process.",
        "Speed and agreement are against nnunetv2's nnUNetPredictor without mirroring, in the same precision as it "
        "comes (float32), with the same weights and windows. Its defaults mirror along all allowed axes, which "
        "multiplies its work; mambamed does not mirror unless asked to.",
        "The U-Net and the U-Mamba have random weights with a last layer fitted to the tissues of the volume: they "
        "measure speed, memory and agreement, not the quality of a segmentation.",
    ]
    busy = machine.get("load_average_before")
    if busy is not None and busy > 0.5:
        notes.append(
            f"The machine was busy with other work (load average {busy:.1f} on {machine['cores']} cores before the "
            "run): seconds are longer than on an idle machine, and CPU seconds are the fairer comparison."
        )
    if result["quick"]:
        notes.append("A quick run: small windows, one measurement each; the aims are stated for the full run.")
    return notes


def format_segmentation_benchmark(result: dict[str, Any]) -> str:
    """Return the tables and notes as Markdown."""
    lines = []
    for table in segmentation_tables(result):
        lines += [f"**{table['title']}**", "", "| " + " | ".join(table["columns"]) + " |"]
        lines.append("|---" * len(table["columns"]) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in table["rows"]] + [""]
    return "\n".join([*lines, *(f"- {note}" for note in segmentation_notes(result))]) + "\n"
