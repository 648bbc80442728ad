"""The command line that all recipes bundle with."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from mambamed.models.bundle_command import run_bundle_command


@pytest.mark.parametrize("judged", [None, {"summary": {"dice": 0.5}}])
def test_words_reach_the_recipe(tmp_path, capsys, judged):
    words = ["--trained", "run", "--output", str(tmp_path / "model"), "--version", "1.2.0"]
    if judged:
        (tmp_path / "judged.json").write_text(json.dumps(judged), encoding="utf-8")
        words += ["--judged", str(tmp_path / "judged.json")]
    given = []

    def bundle(*values):
        given.extend(values)
        return SimpleNamespace(id="some-model", version="1.2.0", weights=[SimpleNamespace(bytes=2_500_000)])

    run_bundle_command(bundle, "some-model", words)
    assert given == [Path("run"), tmp_path / "model", "1.2.0", judged, "checkpoint_final.pth"]
    assert capsys.readouterr().out == f"some-model 1.2.0: {tmp_path / 'model'}, 2.5 MB\n"


def test_missing_words_are_named(capsys):
    with pytest.raises(SystemExit):
        run_bundle_command(lambda *values: pytest.fail("called"), "some-model", ["--trained", "run"])
    assert "--output" in capsys.readouterr().err
