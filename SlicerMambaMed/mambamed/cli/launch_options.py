"""Options that start a job in another place: on a cluster's node, on another machine."""

from __future__ import annotations

import argparse
import shlex

from mambamed.errors import BadRequestError

__all__ = ["add_launch_arguments", "prefix_words"]


def add_launch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that start a job in another place."""
    parser.add_argument(
        "--launch-prefix",
        default="",
        help="start the job in the background through this command, for example 'srun --gres=gpu:1' or 'ssh host'; the "
        "job's folder must have the same path there",
    )
    parser.add_argument("--launch-python", default="", help="interpreter that has mambamed there (default: this one)")


def prefix_words(text: str) -> list[str]:
    """Take a command prefix apart into its words, as a shell would, without a shell.

    Raises:
        BadRequestError: a quotation mark is not closed.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadRequestError(f"--launch-prefix {text!r} cannot be taken apart into words ({error}).") from error
