"""Unpacking of model zips, which may come from anywhere, into the user's cache folder."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path
from pathlib import PurePosixPath

from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError
from mambamed.user_folders import cache_folder

__all__ = ["unpack_model"]

LARGEST_CONTENT_BYTES = 32 << 30
LARGEST_NUMBER_OF_FILES = 10_000
LARGEST_RATIO = 200
_BYTES_WITHOUT_RATIO_CHECK = 64 << 20
_WANTED_SUFFIXES = (".json", ".pth", ".safetensors", ".txt", ".md")
_BLOCK_BYTES = 1 << 20


def unpack_model(archive: Path, folder: Path | None = None) -> Path:
    """Unpack a zip with a model, once; a second call returns the same folder.

    Only files that a model consists of are written (``.json``, ``.pth``, ``.safetensors``, texts).

    Args:
        archive: The zip.
        folder: Where to keep unpacked models; by default in the user's cache folder.

    Returns:
        The folder with the content.

    Raises:
        UnsafeFileError: An entry would be written outside the folder, is a link, or the content is far larger than the
            file suggests.
        BadRequestError: Not a zip, damaged, encrypted, or the disk is full.
    """
    status = archive.stat()
    identity = f"{archive.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    home = folder or cache_folder() / "models"
    target = home / hashlib.sha256(identity.encode()).hexdigest()[:24]
    if target.is_dir():
        return target
    try:
        home.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=home))
    except OSError as error:
        raise BadRequestError(f"The folder {home} for unpacked models cannot be written ({error.strerror}).") from error
    try:
        _unpack(archive, temporary)
        try:
            temporary.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another process was faster
                raise
        return target
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise BadRequestError(
            f"The file {archive} cannot be unpacked ({error}): expected an undamaged zip without a password. Copy or "
            "download it again."
        ) from error
    except OSError as error:
        raise BadRequestError(
            f"The file {archive} cannot be unpacked into {home} ({error.strerror or error})."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        entries = content.infolist()
        _check_size(archive, entries)
        seen: set[str] = set()
        for entry in entries:
            name = _checked_name(archive, entry)
            if entry.is_dir() or name.suffix.lower() not in _WANTED_SUFFIXES or "__MACOSX" in name.parts:
                continue
            if str(name).lower() in seen:
                raise UnsafeFileError(f"The zip {archive} was refused: it holds {name} twice.")
            seen.add(str(name).lower())
            path = folder.joinpath(*name.parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_entry(archive, content, entry, path)


def _check_size(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if len(entries) > LARGEST_NUMBER_OF_FILES or total > LARGEST_CONTENT_BYTES:
        raise UnsafeFileError(
            f"The zip {archive} was refused: it would unpack to {len(entries)} files and {total / 1e9:.1f} GB; a model "
            f"has at most {LARGEST_NUMBER_OF_FILES} files and {LARGEST_CONTENT_BYTES / 1e9:.0f} GB."
        )
    packed = max(1, archive.stat().st_size)
    if total > _BYTES_WITHOUT_RATIO_CHECK and total > LARGEST_RATIO * packed:
        raise UnsafeFileError(
            f"The zip {archive} was refused: {packed / 1e6:.1f} MB would unpack to {total / 1e6:.0f} MB, more than "
            f"{LARGEST_RATIO} times as much; weights cannot be packed like that."
        )


def _checked_name(archive: Path, entry: zipfile.ZipInfo) -> PurePosixPath:
    """Return the entry's path if it stays inside the folder and is a plain file or folder."""
    raw = entry.orig_filename or entry.filename
    name = PurePosixPath(raw.replace("\\", "/"))
    if "\0" in raw or ":" in raw or name.is_absolute() or ".." in name.parts:
        raise UnsafeFileError(
            f"The zip {archive} was refused: its entry {raw!r} would be written outside the model's folder."
        )
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeFileError(
            f"The zip {archive} was refused: its entry {raw!r} is a link or a special file; expected plain files."
        )
    return name


def _write_entry(archive: Path, content: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    written = 0
    with content.open(entry) as source, path.open("xb") as target:
        while block := source.read(_BLOCK_BYTES):
            written += len(block)
            if written > entry.file_size:
                raise UnsafeFileError(f"The zip {archive} was refused: {entry.filename} is larger than it says.")
            target.write(block)
