"""The rows of the reproduction study's tables, as changes of settings, with the numbers that the study printed.

Chiu, Lin, Yong: "Checking the Reproducibility and Generalizability of Dynamic Coarse-to-Fine Learning for Oriented Tiny
Object Detection". Its numbers are mAP in percent on DOTA-v2.0 val and on HRSC2016; none of them is ours. Standard
library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from mambamed.errors import BadRequestError

__all__ = ["GROUPS", "STUDY_ROWS", "StudyRow", "choose_rows"]


@dataclass(frozen=True)
class StudyRow:
    """One configuration of the study.

    Attributes:
        name: identifies the row.
        group: the table: ``measure``, ``q``, ``g``, ``backbone`` or ``method``.
        changes: settings of a training (``MethodSettings`` or ``DetectorSettings`` by name) that differ from DCFL's.
        dota_percent: the study's mAP on DOTA-v2.0, None if it gives none.
        hrsc_percent: the study's mAP on HRSC2016, None if it gives none.
        paper_percent: what the study cites from the original paper, on DOTA-v2.0, None if nothing.
    """

    name: str
    group: str
    changes: dict[str, str | int | float] = field(default_factory=dict)
    dota_percent: float | None = None
    hrsc_percent: float | None = None
    paper_percent: float | None = None


STUDY_ROWS = (
    StudyRow("measure-kld", "measure", {"measure": "kld"}, 50.6, 86.4, 57.8),
    StudyRow("measure-gwd", "measure", {"measure": "gwd"}, 57.7, 87.3, 58.6),
    StudyRow("measure-gjsd", "measure", {"measure": "gjsd"}, 59.4, 85.1, 59.2),
    StudyRow("q-14", "q", {"k": 16, "q": 14}, 59.9, 87.9),
    StudyRow("q-12", "q", {"k": 16, "q": 12}, 59.4, 85.1, 59.2),
    StudyRow("q-10", "q", {"k": 16, "q": 10}, 59.6, 88.0, 58.6),
    StudyRow("q-8", "q", {"k": 16, "q": 8}, 58.6, 87.3, 59.0),
    StudyRow("q-6", "q", {"k": 16, "q": 6}, 59.4, 88.6, 57.8),
    StudyRow("g-1.2", "g", {"g": 1.2}, 58.5, 86.3, 57.9),
    StudyRow("g-1.0", "g", {"g": 1.0}, 59.2, 88.2, 58.2),
    StudyRow("g-0.8", "g", {"g": 0.8}, 58.7, 87.1, 59.2),
    StudyRow("g-0.6", "g", {"g": 0.6}, 59.4, 85.1),
    StudyRow("g-0.4", "g", {"g": 0.4}, 59.7, 88.0, 59.0),
    StudyRow("backbone-lsknet", "backbone", {"backbone": "lsknet"}, 54.6),
    StudyRow("backbone-resnet50", "backbone", {"backbone": "resnet50"}, 59.4),
    StudyRow("backbone-resnet101", "backbone", {"backbone": "resnet101"}, 60.6),
    StudyRow("backbone-resnet152", "backbone", {"backbone": "resnet152"}, 61.4),
    StudyRow("dcfl", "method", {"method": "dcfl"}, None, 85.1),
    StudyRow("atss-o", "method", {"method": "atss-o"}, None, 67.1),
    StudyRow("retinanet-o", "method", {"method": "retinanet-o"}, None, 61.8),
)

GROUPS = tuple(dict.fromkeys(row.group for row in STUDY_ROWS))


def choose_rows(names: Sequence[str]) -> list[StudyRow]:
    """Return the rows with these names; a group's name means all of its rows, ``all`` every row.

    Each row comes once, in the order of the names.

    Raises:
        BadRequestError: a name is unknown, or there are none.
    """
    chosen: dict[str, StudyRow] = {}
    for name in names:
        found = [row for row in STUDY_ROWS if name in ("all", row.group, row.name)]
        if not found:
            raise BadRequestError(
                f"The study has no row {name!r}; its groups are {', '.join(GROUPS)}, its rows "
                f"{', '.join(row.name for row in STUDY_ROWS)}."
            )
        chosen.update({row.name: row for row in found})
    if not chosen:
        raise BadRequestError("No rows were given; give names of rows or groups of the study, or all.")
    return list(chosen.values())
