"""The figures of the scan's benchmark as a Markdown table, each aim beside what was measured."""

from __future__ import annotations

from typing import Any

__all__ = ["format_scan_benchmark", "scan_notes", "scan_tables"]

_LONG = 200_000
_SHORT = 20_000

Table = dict[str, Any]
"""``title``, ``columns`` and ``rows`` of text cells."""


def scan_tables(result: dict[str, Any]) -> list[Table]:
    """Tables of what ``run_scan_benchmark`` measured."""
    tables = [_speeds("Processor", result["cpu"]["rows"])]
    if aims := _aims(result["cpu"]):
        tables.append({"title": "Aims of `numba`", "columns": ["figure", "aim", "measured", "verdict"], "rows": aims})
    if "gpu" in result:
        tables.append(_speeds(f"GPU: {result['machine']['gpu']}", result["gpu"]["rows"]))
    return tables


def scan_notes(result: dict[str, Any]) -> list[str]:
    """Sentences that a reader of the tables must know."""
    machine, sizes, cpu = result["machine"], result["sizes"], result["cpu"]
    notes = [
        f"Machine: {machine['processor']}, {machine['threads']} threads of {machine['cores']} cores; "
        f"Python {machine['python']}, torch {machine['torch']}, mambamed {machine['mambamed']}.",
        f"Batch {sizes['batch']}, {sizes['channels']} channels, state {sizes['state']}, {sizes['dtype']}; gate, skip, "
        "bias and softplus are included; each time is the best of several.",
    ]
    if bound := _bound(cpu):
        notes.append(bound)
    if not _aims(cpu):
        notes.append("The aims are stated for lengths 200,000 and 20,000; a quick run does not judge them.")
    if "gpu" in result:
        notes += _against_copy(result["gpu"])
    missing = {name: problem for name, problem in result["availability"].items() if problem}
    if missing:
        notes.append("Not measured here: " + "; ".join(f"`{name}` ({why})" for name, why in missing.items()) + ".")
    return notes


def format_scan_benchmark(result: dict[str, Any]) -> str:
    """Markdown of what ``run_scan_benchmark`` measured."""
    lines = []
    for table in scan_tables(result):
        lines += [f"**{table['title']}**", ""]
        lines.append("| " + " | ".join(table["columns"]) + " |")
        lines.append("|---" * len(table["columns"]) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in table["rows"]]
        lines.append("")
    return "\n".join([*lines, *(f"- {note}" for note in scan_notes(result))]) + "\n"


def _speeds(title: str, rows: list[dict[str, Any]]) -> Table:
    cells = [
        [
            f"`{row['backend']}`",
            f"{row['length']:,}",
            f"{row['forward_s'] * 1e3:.1f}",
            f"{row['updates_per_s']:.3g}",
            f"{row['backward_s'] * 1e3:.1f}" if "backward_s" in row else "-",
            f"{row['backward_to_forward']:.2f}" if "backward_to_forward" in row else "-",
        ]
        for row in rows
    ]
    columns = ["backend", "length", "forward, ms", "state updates/s", "backward, ms", "backward / forward"]
    return {"title": title, "columns": columns, "rows": cells}


def _aims(cpu: dict[str, Any]) -> list[list[str]]:
    """Each aim with the measured figure; only for full-length runs, since the aims name the lengths."""
    numba = {row["length"]: row for row in cpu["rows"] if row["backend"] == "numba"}
    aims = []
    if _LONG in numba:
        row = numba[_LONG]
        aims.append(("state updates/s, length 200,000", "at least 1.5e9", row["updates_per_s"], 1.5e9, 1))
        aims.append(("backward / forward, length 200,000", "at most 4", row["backward_to_forward"], 4.0, -1))
    if _SHORT in numba and "numba_against_reference" in cpu:
        aims.append(
            ("times the speed of `reference`, length 20,000", "at least 45", cpu["numba_against_reference"], 45.0, 1)
        )
    for kind, memory in cpu.get("extra_memory", {}).items():
        if "ratio" in memory and _LONG in numba:
            aims.append((f"extra memory / inputs, {kind}, length 200,000", "at most 3", memory["ratio"], 3.0, -1))
    return [
        [what, aim, f"{value:.3g}", "met" if sign * value >= sign * limit else "missed"]
        for what, aim, value, limit, sign in aims
    ]


def _bound(cpu: dict[str, Any]) -> str:
    numba = [row for row in cpu["rows"] if row["backend"] == "numba"]
    if not numba:
        return ""
    longest = max(numba, key=lambda row: row["length"])
    share = cpu["copy_of_inputs_s"] / longest["forward_s"]
    verdict = "arithmetic bounds it" if share < 0.5 else "moving memory bounds it"
    return (
        f"Copying the same inputs once takes {cpu['copy_of_inputs_s'] * 1e3:.1f} ms, {share * 100:.0f} % of the "
        f"forward time at length {longest['length']:,}: {verdict}."
    )


def _against_copy(gpu: dict[str, Any]) -> list[str]:
    times = {row["backend"]: row["forward_s"] for row in gpu["rows"]}
    lines = []
    if "triton" in times and "mamba_ssm" in times:
        lines.append(f"`triton` takes {times['triton'] / times['mamba_ssm']:.2f} times as long as `mamba_ssm`.")
    elif "triton" in times:
        copy_s = gpu["copy_of_inputs_s"]
        lines.append(
            f"mamba_ssm is not installed; `triton` forward takes {times['triton'] / copy_s:.1f} times as long as a "
            f"device copy of the same inputs ({copy_s * 1e3:.2f} ms)."
        )
    return lines
