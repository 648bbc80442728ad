"""A report as a value: sections of plain blocks, which the writers (HTML, PDF) lay out.

Standard library only; no block knows where its numbers come from, and no writer knows what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Block", "Check", "Checks", "Code", "Document", "Facts", "Notice", "Picture", "Section", "Table"]


@dataclass(frozen=True)
class Notice:
    """One sentence that must not be overlooked.

    Attributes:
        text: the sentence.
        kind: ``warning``, ``failed``, ``demonstration`` or ``note``.
    """

    text: str
    kind: str = "note"


@dataclass(frozen=True)
class Facts:
    """Names with their values, for example the acquisition."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        columns: titles, with units.
        rows: one tuple of texts per row, as long as ``columns``; the first is the row's name.
        caption: what the table shows.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A PNG picture.

    Attributes:
        png: content of the file.
        caption: what is seen, in which colours.
    """

    png: bytes
    caption: str


@dataclass(frozen=True)
class Check:
    """One quality check.

    Attributes:
        name: what was looked at.
        measured: the value that was found, with its unit.
        expected: what it has to be.
        passed: whether it is; None when the check could not be made.
        explanation: what a failure means, or why it could not be made.
    """

    name: str
    measured: str
    expected: str
    passed: bool | None
    explanation: str = ""

    @property
    def verdict(self) -> str:
        """The outcome in one or two words."""
        return {True: "passed", False: "FAILED", None: "not made"}[self.passed]


@dataclass(frozen=True)
class Checks:
    """A table of quality checks."""

    rows: tuple[Check, ...]


@dataclass(frozen=True)
class Code:
    """Text to be shown as it is, for example the run record."""

    text: str
    title: str = ""


Block = Notice | Facts | Table | Picture | Checks | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes:
        title: heading.
        subtitle: line below it: the case, when it was made.
        sections: in reading order; empty ones are left out by whoever makes the document.
        footer: stands at the end of each page (PDF) or of the file (HTML).
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    footer: str = ""
