from __future__ import annotations

import json

import pytest
from mambamed.cli import bench
from mambamed.cli.main import main
from mambamed.jobs.states import ExitCode


def run(say):
    """Stand in for a benchmark: measures nothing."""
    say("measuring something")
    return {
        "title": "Speed of something",
        "tables": [{"title": "On the CPU", "columns": ["Way", "Seconds"], "rows": [["fast", 0.5], ["a|b", 1.25]]}],
        "notes": ["One thread."],
    }


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.setitem(bench.BENCHMARKS, "sample", f"{__name__}:run")


def test_tables_are_printed_and_written(tmp_path, benchmarks, capsys):
    assert main(["bench", "sample", "-o", str(tmp_path / "out")]) == ExitCode.DONE
    printed = capsys.readouterr()
    assert "measuring something" in printed.err
    assert ["fast", "0.5"] in [line.split() for line in printed.out.splitlines()]
    assert "Note: One thread." in printed.out
    content = json.loads((tmp_path / "out" / "sample.json").read_text(encoding="utf-8"))
    assert content["command"] == "mambamed bench sample"
    assert content["machine"]["devices"][-1]["id"] == "cpu"
    assert content["tables"][0]["rows"][0] == ["fast", 0.5]
    markdown = (tmp_path / "out" / "sample.md").read_text(encoding="utf-8")
    assert "| Way | Seconds |\n| --- | --- |\n| fast | 0.5 |\n| a\\|b | 1.25 |\n" in markdown
    assert "`mambamed bench sample`" in markdown


def test_for_programs(tmp_path, benchmarks, capsys):
    assert main(["bench", "sample", "--json", "-o", str(tmp_path)]) == ExitCode.DONE
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["sample"]["title"] == "Speed of something"


def test_unknown_benchmark(tmp_path, capsys):
    assert main(["bench", "fly", "-o", str(tmp_path / "out")]) == ExitCode.BAD_REQUEST
    assert "no benchmark fly" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
