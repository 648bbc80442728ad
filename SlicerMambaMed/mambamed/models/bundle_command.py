"""The command line by which a recipe bundles what it has trained."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mambamed.models.card import ModelCard

__all__ = ["BundleFunction", "run_bundle_command"]


BundleFunction = Callable[[Path, Path, str, dict[str, Any] | None, str], ModelCard]
"""Writes a model folder and returns its card: (trained folder, destination, version, judged, checkpoint name)."""


def run_bundle_command(bundle: BundleFunction, recipe: str, words: Sequence[str] | None = None) -> None:
    """Bundle a training as the command line says, and print what has come of it.

    Args:
        bundle: Writes the model folder.
        recipe: Name of the recipe, for the help.
        words: The command line; the process's own if ``None``.
    """
    parser = argparse.ArgumentParser(description=f"Bundle a training of the recipe {recipe}.")
    parser.add_argument("--trained", type=Path, required=True, help="trained folder (Trainer__Plans__Configuration)")
    parser.add_argument("--output", type=Path, required=True, help="model folder to write")
    parser.add_argument("--judged", type=Path, help="JSON file of the judge, for the card's metrics")
    parser.add_argument("--version", default="0.1.0", help="version of the model (default: 0.1.0)")
    parser.add_argument("--checkpoint", default="checkpoint_final.pth", help="default: checkpoint_final.pth")
    arguments = parser.parse_args(words)
    judged = json.loads(arguments.judged.read_text(encoding="utf-8")) if arguments.judged else None
    card = bundle(arguments.trained, arguments.output, arguments.version, judged, arguments.checkpoint)
    print(f"{card.id} {card.version}: {arguments.output}, {sum(w.bytes or 0 for w in card.weights) / 1e6:.1f} MB")
