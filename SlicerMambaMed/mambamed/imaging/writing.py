"""Write results so that a file with its final name is always complete: temporary name first, then rename."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.errors import MambaMedError

__all__ = ["check_output_path", "replace_atomically", "write_image"]

_SHORT_WRITE_PHRASES = (
    "No space left",
    "File too large",
    "out of disk space",
    "failed to write",
    "failed to flush",
    "fwrite wrote only",
)


def check_output_path(path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Check before the work starts that a result can be written.

    Args:
        path: The file to be written.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The path.

    Raises:
        BadRequestError: It exists already, is a folder, or its folder cannot be created or written.
    """
    target = Path(path)
    if target.is_dir():
        raise BadRequestError(f"{target} is a folder, expected the name of a file.")
    if target.exists() and not overwrite:
        raise BadRequestError(
            f"The output {target} exists already; choose another name or allow overwriting (--overwrite)."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".write-test-"):
            pass
    except OSError as error:
        raise BadRequestError(
            f"The folder {target.parent} cannot be written ({_reason(error)}); choose another output folder."
        ) from error
    return target


@contextlib.contextmanager
def replace_atomically(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to the final name if all went well, remove it if not.

    Args:
        path: Final name.
        overwrite: Whether an existing file may be replaced.

    Yields:
        Temporary path in the same folder, with the same ending.

    Raises:
        BadRequestError: The output exists or its folder cannot be written.
        MambaMedError: Writing failed, for example because the disk is full.

    Example:
        >>> with replace_atomically("volumes.csv") as temporary:
        ...     temporary.write_text("label,ml")
    """
    target = check_output_path(path, overwrite)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=f".part-{target.name}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        # mkstemp makes files private; results get the permissions that an ordinary new file would have.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    except OSError as error:
        raise MambaMedError(f"The output {target} could not be written: {_reason(error)}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_image(
    image: sitk.Image, path: str | os.PathLike[str], overwrite: bool = False, compress: bool = True
) -> Path:
    """Write an image, complete or not at all; the ending of the name chooses the format.

    Args:
        image: Image to write.
        path: Final name, for example ``result.nii.gz``.
        overwrite: Whether an existing file may be replaced.
        compress: Whether formats that can be compressed are.

    Returns:
        The path.

    Raises:
        BadRequestError: The output exists, cannot be written, or its ending is of no known format.
        MambaMedError: Writing failed, for example because the disk is full.
    """
    target = Path(path)
    with replace_atomically(target, overwrite) as temporary:
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(temporary))
        writer.SetUseCompression(compress)
        if target.name.endswith((".nii.gz", ".nrrd")):
            # Level 1 is several times faster than zlib's default 6 and label maps stay small.
            writer.SetCompressionLevel(1)
        try:
            writer.Execute(image)
        except RuntimeError as error:
            raise _explain(error, target) from error
        if not _is_complete(image, temporary):
            raise MambaMedError(f"The output {target} could not be written completely: the disk is full.")
    return target


def _is_complete(image: sitk.Image, written: Path) -> bool:
    """Tell whether all voxels arrived: the NIfTI writer reports a short write on the console only."""
    size_bytes = written.stat().st_size
    voxels = image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel()
    data_bytes = voxels * image.GetSizeOfPixelComponent()
    if written.name.endswith(".nii"):
        return size_bytes >= data_bytes
    if written.name.endswith(".nii.gz"):
        if size_bytes < 18:
            return False
        with written.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            # A gzip file ends with the length of its content modulo 2**32 (RFC 1952); the header is 348 bytes or more.
            (content,) = struct.unpack("<I", file.read(4))
        extra = (content - data_bytes) % 2**32
        return 348 <= extra < 2**20
    return size_bytes > 0


def _explain(error: RuntimeError, target: Path) -> MambaMedError:
    """Turn ITK's message into one sentence with the cause."""
    text = str(error)
    if "Unable to determine ImageIO" in text or "create IO object" in text:
        return BadRequestError(
            f'"{target.name}" has no ending of a format that can be written; use .nii.gz, .nrrd, .mha, .png or .tif.'
        )
    try:
        free = os.statvfs(target.parent)
        full = free.f_bavail * free.f_frsize < 1024 * 1024
    except (OSError, AttributeError):
        full = False
    if full or any(phrase in text for phrase in _SHORT_WRITE_PHRASES):
        return MambaMedError(f"The output {target} could not be written: the disk is full.")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return MambaMedError(f"The output {target} could not be written: {lines[-1] if lines else 'unknown cause'}")


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission to write"
    return error.strerror or str(error)
