"""The task ``register`` of ``mambamed batch``: pairs from a CSV file; their quality in the summary."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING
from typing import Any

from mambamed.cli.registration_options import add_settings_arguments
from mambamed.cli.registration_options import registration_request
from mambamed.cli.registration_options import settings_from_arguments

if TYPE_CHECKING:
    from mambamed.jobs.cohort import Case
    from mambamed.jobs.cohort import CaseOutcome

__all__ = ["HELP", "MAIN_OUTPUT", "SOURCE_HELP", "add_arguments", "columns", "find_cases"]

HELP = "register every pair of a CSV file"
SOURCE_HELP = (
    "CSV file with a header and the columns fixed and moving; case, fixed_mask, moving_mask, initial_transform, "
    "fixed_landmarks and moving_landmarks may be there; paths are relative to the file"
)
MAIN_OUTPUT = "transform"

_COLUMNS = {
    "similarity before": ("similarity", "before"),
    "similarity after": ("similarity", "after"),
    "starts that agree": ("restart_spread", "agreeing"),
    "their spread (mm)": ("restart_spread", "spread_mm"),
    "landmarks before (mm)": ("landmarks", "before_mean_mm"),
    "landmarks after (mm)": ("landmarks", "after_mean_mm"),
    "folded (%)": ("folded_percent",),
    "overlap after (%)": ("overlap_percent", "after"),
}
"""Column of the summary -> where the record's quality holds it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a registration."""
    add_settings_arguments(parser)


def find_cases(arguments: argparse.Namespace) -> list[Case]:
    """Return the pairs of the CSV file; a missing file is its own pair's failure, later."""
    from mambamed.cli.pairs import find_pairs
    from mambamed.jobs.cohort import Case

    cases = []
    for pair in find_pairs(arguments.source):
        settings = settings_from_arguments(arguments, has_initial="initial-transform" in pair.files)
        cases.append(Case(pair.name, registration_request(pair.files, settings, must_exist=False)))
    return cases


def columns(outcome: CaseOutcome) -> dict[str, Any]:
    """Return the quality of a finished pair, by column."""
    quality = (outcome.job.result() or {}).get("quality", {})
    found = {name: _number(quality, place) for name, place in _COLUMNS.items()}
    return {name: value for name, value in found.items() if value}


def _number(quality: Any, place: tuple[str, ...]) -> str:
    for name in place:
        quality = quality.get(name) if isinstance(quality, dict) else None
    return "" if quality is None else f"{quality:.6g}"
