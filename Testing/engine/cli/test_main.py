from __future__ import annotations

import json
import subprocess
import sys

import pytest
from mambamed.cli.main import VERBS
from mambamed.cli.main import main
from mambamed.jobs.states import ExitCode
from mambamed.version import __version__

HEAVY = ("torch", "numpy", "SimpleITK", "scipy", "nnunetv2", "numba", "matplotlib", "slicer", "vtk", "nilearn", "monai")

# Asks one fresh process for the help of every verb and reports which heavy packages that has imported.
HELP_OF_ALL = f"""
import contextlib, io, json, sys
from mambamed.cli.main import VERBS, main
failed = []
helps = [[], *[[verb] for verb in VERBS], ["batch", "segment"], ["job", "run"]]
for words in [[*words, "--help"] for words in helps]:
    with contextlib.redirect_stdout(io.StringIO()) as text:
        if main(words) != 0 or "usage: mambamed" not in text.getvalue():
            failed.append(words)
print(json.dumps([failed, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def test_help_of_every_verb_imports_nothing_heavy():
    answer = subprocess.run([sys.executable, "-c", HELP_OF_ALL], capture_output=True, text=True, check=False)
    assert answer.stderr == ""
    assert json.loads(answer.stdout) == [[], []]


def test_light_packages_stay_light():
    code = (
        "import sys, mambamed, mambamed.jobs, mambamed.jobs.engine, mambamed.jobs.worker, mambamed.jobs.cohort;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_help_lists_every_verb(capsys):
    assert main(["--help"]) == ExitCode.DONE
    text = capsys.readouterr().out
    assert all(f"    {verb} " in text for verb in VERBS)
    assert "130 cancelled" in text


def test_version(capsys):
    assert main(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == f"mambamed {__version__}\n"


@pytest.mark.parametrize("words", [[], ["fly"], ["job"], ["job", "status"], ["--nonsense"]])
def test_wrong_words_are_a_bad_request(words, capsys):
    assert main(words) == ExitCode.BAD_REQUEST
    printed = capsys.readouterr()
    assert "usage: mambamed" in printed.out + printed.err
    assert "Traceback" not in printed.err


def test_error_is_one_sentence_and_the_traceback_comes_on_request(tmp_path, capsys):
    words = ["job", "status", str(tmp_path)]
    assert main(words) == ExitCode.BAD_REQUEST
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mambamed: ")
    assert "is not a job directory" in line
    assert main(["--traceback", *words]) == ExitCode.BAD_REQUEST
    assert "Traceback" in capsys.readouterr().err
