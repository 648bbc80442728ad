from __future__ import annotations

import json

from mambamed.cli import machine
from mambamed.cli.machine import Package
from mambamed.cli.main import main
from mambamed.jobs.states import ExitCode


def test_report_for_programs(capsys, monkeypatch):
    monkeypatch.setattr(machine, "_ENOUGH_S", 0.0)  # one short sequence per backend
    assert main(["doctor", "--json"]) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    assert report["problem"] == ""
    assert report["devices"][-1]["id"] == "cpu"
    assert "convolutions" in report["devices"][-1]["convolutions"]
    assert report["memory_bytes"] >= report["free_memory_bytes"] > 0
    reference = next(backend for backend in report["scan_backends"] if backend["name"] == "reference")
    assert reference["usable"]
    assert reference["state_updates_per_second"]["cpu"] > 0
    unusable = [backend for backend in report["scan_backends"] if not backend["usable"]]
    assert all(backend["reason"] for backend in unusable)


def test_report_for_people(capsys):
    assert main(["doctor", "--no-speed"]) == ExitCode.DONE
    text = capsys.readouterr().out
    for words in ("Devices, best first", "cpu", "Selective scan backends", "reference", "The engine can work."):
        assert words in text


def test_missing_packages_are_named_with_the_way_to_get_them(capsys, monkeypatch):
    packages = (
        Package("torch", "no_such_torch", "networks"),
        Package("nilearn", "no_such_nilearn", "the example", False),
        Package("mamba-ssm", "no_such_kernel", "a kernel", False, is_for_cuda=True),
    )
    monkeypatch.setattr(machine, "PACKAGES", packages)
    assert main(["doctor"]) == ExitCode.FAILED
    text = capsys.readouterr().out
    assert text.rstrip().endswith("-m pip install torch")
    assert "nilearn (the example): pip install nilearn" in text
    assert "a kernel): pip" not in text
