"""Tell nnunetv2 where its folders are; it only reads environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["nnunet_folders"]


@contextmanager
def nnunet_folders(raw: Path, preprocessed: Path, results: Path) -> Iterator[None]:
    """Set nnU-Net's folder variables and the place of our trainers inside the block, then restore what was there.

    nnunetv2 and its worker processes have no other way to be told; the folders are made if they are missing.
    """
    values = {
        "nnUNet_raw": str(raw),
        "nnUNet_preprocessed": str(preprocessed),
        "nnUNet_results": str(results),
        "nnUNet_extTrainer": str(Path(__file__).parent / "trainers"),
        "nnUNet_n_proc_DA": os.environ.get("nnUNet_n_proc_DA", "1"),  # noqa: SIM112 (nnU-Net's name)
    }
    before = {name: os.environ.get(name) for name in values}
    for folder in (preprocessed, results):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
