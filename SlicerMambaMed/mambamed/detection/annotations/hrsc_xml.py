"""Annotations in HRSC2016's XML: one file per image, boxes with an angle.

The file is read as a stream of elements and never as a document with a type: declarations of types and entities, which
could multiply a small file in memory or name other files, are refused where they begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.parsers import expat

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.annotated_object import is_numbers
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError

__all__ = ["read_hrsc_xml"]

_ROOT = "HRSC_Image"
_OBJECT = (_ROOT, "HRSC_Objects", "HRSC_Object")
_BOX = ("mbox_cx", "mbox_cy", "mbox_w", "mbox_h", "mbox_ang")
_NEEDED = ("Class_ID", *_BOX)
_KNOWN = {*_NEEDED, "difficult"}
# The largest file of the data set has some tens of kilobytes.
_LARGEST_FILE = 16 * 1024 * 1024
_DEEPEST = 32


def read_hrsc_xml(path: str | Path, class_names: Mapping[str, str] | None = None) -> list[AnnotatedObject]:
    """Read the objects of one image.

    Args:
        path: the XML file.
        class_names: label for each ``Class_ID``; without them the ``Class_ID`` itself, a number as text, is the label.

    Returns:
        Objects in the file's order, pixels; the file's angle, radians from x towards y, is brought into le135.

    Raises:
        BadRequestError: the file is not of this form; the message names file and line.
        UnsafeFileError: the file declares a document type or entities, or is too large or nested too deeply.
    """
    path = Path(path)
    reader = _Reader(path, class_names)
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise BadRequestError(f"{path} cannot be read ({error.strerror}); give a file of annotations.") from error
    if len(content) > _LARGEST_FILE:
        raise UnsafeFileError(f"{path} is larger than {_LARGEST_FILE} bytes; give the annotations of one image.")
    return reader.read(content)


class _Reader:
    """Collects the objects while the parser goes through the file."""

    def __init__(self, path: Path, class_names: Mapping[str, str] | None) -> None:
        self._path = path
        self._class_names = class_names
        self._open: list[str] = []
        self._fields: dict[str, str] = {}
        self._text: list[str] = []
        self._object_line = 0
        self._objects: list[AnnotatedObject] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_declaration
        self._parser.EntityDeclHandler = self._refuse_declaration
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, content: bytes) -> list[AnnotatedObject]:
        try:
            self._parser.Parse(content, True)
        except (expat.ExpatError, LookupError) as error:
            raise BadRequestError(
                f"{self._place()}: this is not XML ({error}); give HRSC2016's annotations."
            ) from error
        except BadRequestError:
            raise
        except ValueError as error:  # an encoding that the parser cannot use
            raise BadRequestError(f"{self._place()}: the encoding cannot be used ({error}); give UTF-8.") from error
        return self._objects

    def _place(self, line: int | None = None) -> str:
        return f"{self._path}, line {self._parser.CurrentLineNumber if line is None else line}"

    def _refuse_declaration(self, *_: object) -> None:
        raise UnsafeFileError(
            f"{self._place()}: the file declares a document type or an entity; HRSC2016's annotations have none. "
            "Remove the declaration if you trust the file."
        )

    def _start(self, name: str, _: dict[str, str]) -> None:
        if not self._open and name != _ROOT:
            raise BadRequestError(f"{self._place()}: the outermost element is {name:.100}; expected is {_ROOT}.")
        if len(self._open) == _DEEPEST:
            raise UnsafeFileError(f"{self._place()}: elements are nested deeper than {_DEEPEST} levels.")
        self._open.append(name)
        self._text = []
        if tuple(self._open) == _OBJECT:
            self._fields = {}
            self._object_line = self._parser.CurrentLineNumber

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, name: str) -> None:
        path = tuple(self._open)
        if path == _OBJECT:
            self._objects.append(self._finish())
        elif path[:-1] == _OBJECT and name in _KNOWN:
            if name in self._fields:
                raise BadRequestError(f"{self._place()}: an object has {name} twice; each field stands once.")
            self._fields[name] = "".join(self._text).strip()
            self._check(name)
        self._open.pop()
        self._text = []

    def _check(self, name: str) -> None:
        """Refuse an impossible value on the line where it stands."""
        text = self._fields[name]
        if name in _BOX:
            try:
                good = is_numbers([float(text)], 1)
            except ValueError:
                good = False
            if not good:
                raise BadRequestError(f"{self._place()}: {name} is {text!r:.100}; expected is a number.")
            if name in ("mbox_w", "mbox_h") and float(text) < 0:
                raise BadRequestError(f"{self._place()}: {name} is {text}; give no negative side.")
        elif name == "difficult" and text not in {"0", "1"}:
            raise BadRequestError(f"{self._place()}: the difficulty is {text!r:.100}; expected is 0 or 1.")
        elif name == "Class_ID" and not text:
            raise BadRequestError(f"{self._place()}: the Class_ID is empty; each object needs one.")
        elif name == "Class_ID" and self._class_names is not None and text not in self._class_names:
            raise BadRequestError(f"{self._place()}: the Class_ID {text!r:.100} has no name among those given.")

    def _finish(self) -> AnnotatedObject:
        missing = [name for name in _NEEDED if name not in self._fields]
        if missing:
            raise BadRequestError(f"{self._place(self._object_line)}: the object lacks {', '.join(missing)}.")
        cx, cy, w, h, angle = (float(self._fields[name]) for name in _BOX)
        identifier = self._fields["Class_ID"]
        label = identifier if self._class_names is None else self._class_names[identifier]
        box = OrientedBox(cx, cy, w, h, angle, label).in_le135()
        return AnnotatedObject(box, difficult=self._fields.get("difficult", "0") == "1")
