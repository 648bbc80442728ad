"""Measure capture ranges as in Table 3 of the DISA paper: how often a registration converges, by initial error.

Run it as ``python -m mambamed.registration.evidence.capture --data DIR --work DIR [--output STEM]``. Every method
begins at the same poses. Finished parts (a case with a method) are kept in the work folder and not repeated unless
their settings change, so that an interrupted run goes on; the weights of the DISA network belong to the settings.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically
from mambamed.registration.disa.weights import load_network
from mambamed.registration.evidence.case_list import CASES
from mambamed.registration.evidence.case_list import build_case
from mambamed.registration.evidence.cases import CaptureCase
from mambamed.registration.evidence.cases import error_mm
from mambamed.registration.evidence.methods import METHODS
from mambamed.registration.evidence.methods import ReadyMethod
from mambamed.registration.evidence.methods import best_pose
from mambamed.registration.evidence.methods import ready_method
from mambamed.registration.evidence.starts import Start
from mambamed.registration.evidence.starts import draw_starts_for

__all__ = ["Effort", "measure", "measure_case"]


@dataclass(frozen=True)
class Effort:
    """How many starts are measured.

    Attributes:
        local_per_bin: local searches per bin of initial errors.
        local_near: local searches from the case's near range.
        global_per_bin: global searches per bin, by features alone.
        global_near: global searches from the near range.
        slow_per_bin: local searches per bin by LC2, which takes minutes.
        slow_near: by LC2, from the near range.
        mattes_per_bin: local searches per bin by mutual information.
        mattes_near: from the near range.
    """

    local_per_bin: int = 8
    local_near: int = 12
    global_per_bin: int = 3
    global_near: int = 10
    slow_per_bin: int = 1
    slow_near: int = 1
    mattes_per_bin: int = 1
    mattes_near: int = 2

    def counts(self, method: str) -> dict[bool, tuple[int, int]]:
        """Starts per bin and near, for local (False) and global (True) searches of a method."""
        if method == "lc2":
            return {False: (self.slow_per_bin, self.slow_near)}
        if method == "mattes":
            return {False: (self.mattes_per_bin, self.mattes_near)}
        return {
            False: (self.local_per_bin, self.local_near),
            True: (self.global_per_bin, self.global_near),
        }

    @property
    def most(self) -> tuple[int, int]:
        """Starts that are drawn; every method takes the first ones of each group."""
        return max(self.local_per_bin, self.global_per_bin), max(self.local_near, self.global_near)


def measure_case(case: CaptureCase, method: str, effort: Effort, network: Any = None) -> dict[str, Any]:
    """Measure one method on one case.

    Returns:
        JSON: the optimum near the truth, and every run with its group, search, initial and final error (mm),
        evaluations and seconds of processor time.
    """
    starts = draw_starts_for(case, *effort.most)
    ready = ready_method(method, case, network)
    optimum = best_pose(method, case, network)
    runs = []
    for is_global, counts in effort.counts(method).items():
        for start in _first_of_groups(starts, *counts):
            runs.append(_run(case, ready, start, is_global))
    return {
        "case": case.name,
        "title": case.title,
        "exact": case.exact,
        "near": list(case.near),
        "method": method,
        "preparation_seconds": ready.preparation_seconds,
        "optimum_error_mm": error_mm(optimum.transform, case.truth, case.points_mm),
        "optimum_seconds": optimum.seconds,
        "runs": runs,
    }


def measure(
    data: Path,
    work: Path,
    *,
    cases: tuple[str, ...] = tuple(CASES),
    methods: tuple[str, ...] = METHODS,
    effort: Effort | None = None,
    model: str = "disa-lc2",
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Measure all methods on all cases, or take what the work folder has already."""
    effort = effort or Effort()
    work.mkdir(parents=True, exist_ok=True)
    results = []
    for name in cases:
        case: CaptureCase | None = None
        for method in methods:
            network = load_network(model) if method == "disa" else None
            key = _key(effort.counts(method), network)
            file = work / f"{name}.{method}.json"
            if file.is_file() and (found := read_json(file)).get("key") == key:
                results.append(found)
                continue
            case = case or build_case(name, data)
            if method == "lc2" and not case.with_lc2:
                continue
            found = {"key": key, **measure_case(case, method, effort, network)}
            write_json_atomically(file, found)
            results.append(found)
            say(
                f"{name} {method}: optimum {found['optimum_error_mm']:.1f} mm from the truth, {len(found['runs'])} runs"
            )
    return results


def _first_of_groups(starts: list[Start], per_bin: int, near: int) -> list[Start]:
    chosen: list[Start] = []
    seen: dict[int, int] = {}
    for start in starts:
        seen[start.group] = seen.get(start.group, 0) + 1
        if seen[start.group] <= (near if start.group < 0 else per_bin):
            chosen.append(start)
    return chosen


def _run(case: CaptureCase, ready: ReadyMethod, start: Start, is_global: bool) -> dict[str, Any]:
    outcome = ready.run(start.transform, is_global)
    return {
        "group": start.group,
        "global": is_global,
        "initial_mm": start.initial_error_mm,
        "final_mm": error_mm(outcome.transform, case.truth, case.points_mm),
        "evaluations": outcome.evaluations,
        "seconds": outcome.seconds,
    }


def _key(counts: dict[bool, tuple[int, int]], network: torch.nn.Module | None) -> str:
    """What the results depend on besides the case: numbers of starts, and the weights."""
    digest = hashlib.sha256(repr(sorted(counts.items())).encode())
    for name, tensor in network.state_dict().items() if network is not None else ():
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def main() -> None:
    """Command line: measure and write the tables."""
    from mambamed.registration.evidence.capture_report import write_capture_report

    parser = argparse.ArgumentParser(description="Measure the capture range of linear registration.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the images")
    parser.add_argument("--work", type=Path, required=True, help="folder for finished parts")
    parser.add_argument("--output", type=Path, help="write STEM.md and STEM.json")
    parser.add_argument("--model", default="disa-lc2", help="DISA model or weights (default: disa-lc2)")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this case (may be repeated)")
    parser.add_argument("--method", action="append", choices=METHODS, help="only this method (may be repeated)")
    arguments = parser.parse_args()
    results = measure(
        arguments.data,
        arguments.work,
        cases=tuple(arguments.case or CASES),
        methods=tuple(arguments.method or METHODS),
        model=arguments.model,
    )
    if arguments.output:
        write_capture_report(results, arguments.output)


if __name__ == "__main__":
    main()
