"""Choice of number format and layout from measured seconds; the measurement itself; the stored copy."""

from __future__ import annotations

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.errors import DeviceUnavailableError
from mambamed.nn import precision
from mambamed.nn.precision import Precision
from mambamed.nn.precision import choose_precision
from mambamed.nn.precision import measure_convolution_seconds

FLOAT32 = {"float32/contiguous": 1.0, "float32/channels_last": 0.6}


@pytest.fixture
def measured(monkeypatch):
    """Pretend the machine to have the given speeds; counts the measurements."""
    calls = []

    def pretend(seconds):
        monkeypatch.setattr(
            precision, "measure_convolution_seconds", lambda device, dimension: calls.append(dimension) or seconds
        )
        return calls

    return pretend


@pytest.mark.parametrize(
    ("further", "requested", "expected"),
    [
        ({}, "auto", Precision("float32", True)),
        ({"bfloat16/contiguous": 3.0, "bfloat16/channels_last": 2.0}, "auto", Precision("float32", True)),
        ({"bfloat16/contiguous": 0.3, "bfloat16/channels_last": 0.2}, "auto", Precision("bfloat16", True)),
        ({"bfloat16/contiguous": 0.2, "bfloat16/channels_last": 0.3}, "auto", Precision("bfloat16", False)),
        ({"bfloat16/channels_last": 0.55}, "auto", Precision("float32", True)),
        ({"bfloat16/channels_last": 0.1}, "float32", Precision("float32", True)),
        ({"float16/contiguous": 0.2}, "auto", Precision("float16", False)),
        ({"float16/contiguous": 0.2, "bfloat16/contiguous": 0.3}, "auto", Precision("bfloat16", False)),
        ({"bfloat16/contiguous": 9.0}, "bfloat16", Precision("bfloat16", False)),
    ],
)
def test_choice_from_measured_speeds(measured, tmp_path, further, requested, expected):
    measured({**FLOAT32, **further})
    assert choose_precision(requested, "cpu", 3, tmp_path) == expected


def test_a_format_that_the_device_lacks_is_refused(measured, tmp_path):
    measured(FLOAT32)
    with pytest.raises(DeviceUnavailableError, match="cpu cannot compute convolutions in float16; it can in float32"):
        choose_precision("float16", "cpu", 3, tmp_path)
    with pytest.raises(BadRequestError, match="no precision 'half'"):
        choose_precision("half", "cpu", 3, tmp_path)


def test_measured_once_per_machine_and_dimension_and_again_if_the_stored_copy_is_broken(measured, tmp_path):
    calls = measured(FLOAT32)
    for _ in range(3):
        chosen = choose_precision("auto", "cpu", 3, tmp_path / "new" / "folder")
    assert calls == [3]
    assert chosen.measured_seconds == FLOAT32
    choose_precision("auto", "cpu", 2, tmp_path / "new" / "folder")
    assert calls == [3, 2]
    for path in (tmp_path / "new" / "folder").iterdir():
        path.write_text('{"seconds": [1]}')
    choose_precision("auto", "cpu", 3, tmp_path / "new" / "folder")
    assert calls == [3, 2, 3]


def test_a_cache_folder_that_cannot_be_made_does_no_harm(measured, tmp_path):
    measured(FLOAT32)
    (tmp_path / "file").write_text("")
    assert choose_precision("auto", "cpu", 3, tmp_path / "file").name == "float32"


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_measurement_times_what_the_machine_can_do(dimension):
    state = torch.get_rng_state()
    seconds = measure_convolution_seconds(torch.device("cpu"), dimension)
    assert {"float32/contiguous", "float32/channels_last"} <= set(seconds)
    assert all(0 < value < 60 for value in seconds.values())
    assert torch.equal(torch.get_rng_state(), state)


def test_use_of_a_choice():
    assert Precision("float32", True).memory_format(2) == torch.channels_last
    assert Precision("float32", True).memory_format(3) == torch.channels_last_3d
    assert Precision("float32", False).memory_format(3) == torch.contiguous_format
    convolution, image = torch.nn.Conv2d(1, 1, 1), torch.zeros(1, 1, 2, 2)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with Precision(name, False).autocast(torch.device("cpu")):
            assert convolution(image).dtype == dtype
    assert Precision("bfloat16", True).describe() == "bfloat16 convolutions, channels-last layout"
