"""Choice and description of devices, with the machine's GPUs pretended."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.errors import DeviceUnavailableError
from mambamed.nn import choose_device
from mambamed.nn import describe_devices
from mambamed.nn.device import describe_device


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    names = ("Small GPU", "Large GPU")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: SimpleNamespace(name=names[index], total_memory=8 << 30)
    )
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_only_a_cpu(no_gpu):
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    (cpu,) = describe_devices()
    assert cpu.name == "cpu"
    assert f"{torch.get_num_threads()} thread" in cpu.title
    assert cpu.memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_gpus_come_first_and_are_chosen_by_number(two_gpus):
    assert [device.name for device in describe_devices()] == ["cuda:0", "cuda:1", "cpu"]
    assert choose_device() == choose_device("CUDA") == torch.device("cuda:0")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert describe_device(torch.device("cuda")).title == "Small GPU"
    with pytest.raises(DeviceUnavailableError, match=r"cuda:2 is not on this machine.*cuda:1 \(Large GPU\)"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_missing_devices_are_refused_with_what_is_there(no_gpu, name):
    with pytest.raises(DeviceUnavailableError, match=f"device {name} is not on this machine. This machine has: cpu"):
        choose_device(name)


def test_unknown_names_are_refused(no_gpu):
    with pytest.raises(BadRequestError, match="no device called 'gpu': expected auto, cpu, cuda, cuda:N or mps"):
        choose_device("gpu")
