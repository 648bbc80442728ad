"""The options of ``mambamed train severity`` and ``mambamed train emphysema-patterns`` as settings."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from mambamed.cli.train_emphysema import add_tasks
from mambamed.cli.train_emphysema import pattern_settings
from mambamed.cli.train_emphysema import severity_settings
from mambamed.errors import BadRequestError
from mambamed.jobs.tasks import task_function


def _parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_tasks(parser.add_subparsers(dest="task"))
    return parser.parse_args([*words, "--output", "somewhere"])


def test_the_papers_preset_can_be_changed_by_options():
    settings = severity_settings(_parsed("severity", "--cases", "cases.csv", "--preset", "paper", "--epochs", "7"))
    assert (settings.epochs, settings.batch_size, settings.learning_rate) == (7, 32, 1e-4)
    assert settings.classes == ("mild", "moderate", "severe")
    assert Path(settings.cases).is_absolute()


def test_classes_and_grid_are_read():
    words = ("severity", "--cases", "c.csv", "--classes", "no, yes", "--grid", "learning_rate=0.001,0.01")
    settings = severity_settings(_parsed(*words, "--grid", "head=both,ordinal"))
    assert settings.classes == ("no", "yes")
    assert settings.grid == {"learning_rate": [0.001, 0.01], "head": ["both", "ordinal"]}
    assert len(severity_settings(_parsed("severity", "--cases", "c.csv", "--classes", "fleischner")).classes) == 6
    with pytest.raises(BadRequestError, match="grid entry"):
        severity_settings(_parsed("severity", "--cases", "c.csv", "--grid", "learning_rate"))


def test_the_recipe_needs_no_cases():
    settings = severity_settings(_parsed("severity", "--recipe", "emphysema-severity-demo", "--phantoms", "40"))
    assert (settings.phantoms, settings.cases) == (40, "")


def test_pattern_options():
    settings = pattern_settings(_parsed("emphysema-patterns", "--patches", "p.npz", "--splits", "none", "--seed", "3"))
    assert (settings.splits, settings.seed) == ((), 3)


def test_the_tasks_are_known_to_the_engine():
    for task in ("train-severity", "train-emphysema-patterns"):
        assert callable(task_function(task))
