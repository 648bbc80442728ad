"""From the job directory to where the user wants the result: checked before the work, whole or absent after it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mambamed.errors import BadRequestError
from mambamed.imaging.suffixes import IMAGE_SUFFIXES
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically

__all__ = ["Delivery", "image_suffix"]


def image_suffix(path: Path) -> str:
    """Return the ending by which ``path`` names an image file (``.nii.gz``), empty when it names none."""
    return next((suffix for suffix in IMAGE_SUFFIXES if path.name.lower().endswith(suffix)), "")


class Delivery:
    """Where the files of one job go.

    Args:
        output: an image file (the main result gets this name, the others names beginning with it), or a folder.
        main_output: the job's output that gets the file's name.
        overwrite: whether files that exist may be replaced.

    Raises:
        BadRequestError: the output exists or cannot be written.
    """

    def __init__(self, output: Path, main_output: str, overwrite: bool) -> None:
        from mambamed.imaging.writing import check_output_path  # heavy, and the help of a command needs none of it

        self._output = output.absolute()
        self._main_output = main_output
        self._overwrite = overwrite
        self._is_file = bool(image_suffix(output))
        self.folder = self._output.parent if self._is_file else self._output
        self._made_folders = [
            folder for folder in (self.folder, *self.folder.parents) if not folder.exists()
        ]  # innermost first, to be removed again when nothing comes of the job
        if self.folder.exists() and not self.folder.is_dir():
            raise BadRequestError(f"The output folder {self.folder} is a file; choose another name.")
        try:
            check_output_path(self._output if self._is_file else self._output / "record.json", overwrite)
        except BadRequestError:
            self.forget()
            raise

    @contextlib.contextmanager
    def job_directory(self, keep_in: Path | None = None) -> Iterator[JobDirectory]:
        """Give a job directory beside the output that is removed at the end, or one that is kept in ``keep_in``."""
        if keep_in is not None:
            yield JobDirectory(keep_in)
            return
        temporary = Path(tempfile.mkdtemp(prefix=".mambamed-", dir=self.folder))
        try:
            yield JobDirectory(temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            self.forget()

    def deliver(self, job: JobDirectory, keep: bool = False) -> dict[str, Path]:
        """Give the outputs of a finished job, and its run record, their final names.

        Args:
            job: a job in state done.
            keep: leave the job's own files where they are and deliver copies.

        Returns:
            The delivered files by name, ``record`` among them.

        Raises:
            BadRequestError: a file exists that may not be replaced; then nothing is delivered.
        """
        from mambamed.imaging.writing import check_output_path

        sources = {**job.outputs, "record": job.record_file}
        targets = {name: self._target(job, name, source) for name, source in sources.items()}
        for name, target in targets.items():
            check_output_path(target, self._overwrite or name == "record")
        for name, source in sources.items():
            if name != "record":
                _transfer(source, targets[name], keep)
        record = read_json(job.record_file)
        record["outputs"] = {name: os.path.relpath(path, self.folder) for name, path in targets.items()}
        write_json_atomically(targets["record"], record)
        return targets

    def forget(self) -> None:
        """Remove the folders that were made for this delivery, as far as they are empty."""
        for folder in self._made_folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _target(self, job: JobDirectory, name: str, source: Path) -> Path:
        if name == self._main_output and self._is_file:
            return self._output
        inner = Path("record.json") if name == "record" else source.relative_to(job.outputs_folder.resolve())
        if not self._is_file:
            return self.folder / inner
        stem = self._output.name[: -len(image_suffix(self._output))]
        return self.folder / f"{stem}_{'_'.join(inner.parts)}"


def _transfer(source: Path, target: Path, keep: bool) -> None:
    """Move or copy one file to its final name at once, also across disks and into another image format."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if image_suffix(source) and image_suffix(source) != image_suffix(target):
        import SimpleITK as sitk

        from mambamed.imaging.writing import write_image

        write_image(sitk.ReadImage(str(source)), target, overwrite=True)
        return
    if not keep:
        with contextlib.suppress(OSError):  # another disk
            os.replace(source, target)
            return
    descriptor, temporary_name = tempfile.mkstemp(prefix=".", suffix=f".part-{target.name}", dir=target.parent)
    os.close(descriptor)
    try:
        shutil.copyfile(source, temporary_name)
        shutil.copymode(source, temporary_name)
        os.replace(temporary_name, target)
    finally:
        Path(temporary_name).unlink(missing_ok=True)
