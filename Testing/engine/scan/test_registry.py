"""Which backend runs, and how a missing one is explained."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest
import torch
from engine.scan.random_inputs import random_inputs
from mambamed import scan
from mambamed.errors import BadRequestError
from mambamed.errors import DeviceUnavailableError
from mambamed.scan import dispatch

ALL = ["mamba_ssm", "triton", "numba", "torch", "reference"]


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(scan.BACKEND_VARIABLE, raising=False)


def test_every_backend_is_named_best_first() -> None:
    assert list(scan.availability()) == ALL
    usable = scan.backends()
    assert [name for name in ALL if name in usable] == usable
    assert usable[-2:] == ["torch", "reference"]


def test_missing_backends_have_a_reason() -> None:
    for name, problem in scan.availability("cpu").items():
        assert (problem is None) == (name in ("numba", "torch", "reference"))
        assert problem is None or len(problem) > 10


def test_auto_takes_the_best_and_can_be_read() -> None:
    assert scan.choose_backend("cpu") == "numba"
    scan.selective_scan(**random_inputs(1, 2, 3, 2))
    assert scan.last_backend() == "numba"
    assert scan.choose_backend("mps") == "torch"


def test_a_machine_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from mambamed.scan import registry

    usable = {"mamba_ssm": None, "triton": None, "numba": None, "torch": None, "reference": None}
    table = {
        name: registry._Backend(entry.module, entry.device_types, lambda: None, entry.dtypes)
        for name, entry in registry._BACKENDS.items()
    }
    monkeypatch.setattr(registry, "_BACKENDS", table)
    assert scan.availability() == usable
    assert scan.choose_backend("cuda:1") == "mamba_ssm"
    assert scan.choose_backend("cuda", dtype=torch.float64) == "triton"
    assert scan.choose_backend("cpu") == "numba"


def test_forced_by_argument_and_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = random_inputs(1, 2, 3, 2)
    scan.selective_scan(**inputs, backend="reference")
    assert scan.last_backend() == "reference"
    monkeypatch.setenv(scan.BACKEND_VARIABLE, "torch")
    scan.selective_scan(**inputs)
    assert scan.last_backend() == "torch"
    scan.selective_scan(**inputs, backend="numba")
    assert scan.last_backend() == "numba"


def test_unusable_and_unknown_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = random_inputs(1, 2, 3, 2)
    with pytest.raises(DeviceUnavailableError, match=r"'triton'.*cannot be used on cpu: .*Usable here: numba, torch"):
        scan.selective_scan(**inputs, backend="triton")
    with pytest.raises(BadRequestError, match="no scan backend 'fast'"):
        scan.selective_scan(**inputs, backend="fast")
    monkeypatch.setenv(scan.BACKEND_VARIABLE, "quick")
    with pytest.raises(BadRequestError, match=scan.BACKEND_VARIABLE):
        scan.selective_scan(**inputs)


def test_nothing_compiles_inside_slicer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slicer", SimpleNamespace(app=object()))
    assert "Slicer" in str(scan.availability()["numba"])
    assert scan.choose_backend("cpu") == "torch"


def test_the_choice_is_logged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(dispatch, "_ANNOUNCED", set())
    with caplog.at_level(logging.INFO, "mambamed.scan"):
        for _ in range(2):
            scan.selective_scan(**random_inputs(1, 2, 3, 2), backend="torch")
    assert [record.getMessage() for record in caplog.records] == ["selective scan on cpu: backend torch"]
