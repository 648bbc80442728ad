from __future__ import annotations

import itertools

import pytest
from mambamed.training.schedule import TrainingClock


class Seconds:
    def __init__(self) -> None:
        self.value = 100.0

    def __call__(self) -> float:
        return self.value


def test_progress_is_share_of_iterations_without_a_limit() -> None:
    clock = TrainingClock(200, now=Seconds())
    clock.done = 50
    assert clock.progress == pytest.approx(0.25)
    assert not clock.is_over
    clock.done = 200
    assert clock.is_over


def test_time_limit_compresses_the_schedule() -> None:
    seconds = Seconds()
    clock = TrainingClock(1000, minutes=2.0, now=seconds)
    clock.done = 10
    seconds.value += 60.0
    assert clock.progress == pytest.approx(0.5)
    seconds.value += 60.0
    assert clock.is_over


def test_learning_rate_rises_then_decays_to_zero() -> None:
    clock = TrainingClock(100, warm_up_iterations=10, now=Seconds())
    rates = []
    for done in range(101):
        clock.done = done
        rates.append(clock.learning_rate(0.01))
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == max(rates[8:12])
    assert rates[50] == pytest.approx(0.01 * 0.5**0.9)
    assert rates[-1] == 0.0
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[10:]))


def test_seconds_left_counts_only_what_was_done_in_this_run() -> None:
    seconds = Seconds()
    clock = TrainingClock(100, now=seconds)
    clock.start(done=50)
    assert clock.seconds_left is None
    clock.done = 60
    seconds.value += 20.0
    assert clock.seconds_left == pytest.approx(80.0)


def test_seconds_left_never_exceeds_the_time_limit() -> None:
    seconds = Seconds()
    clock = TrainingClock(1000, minutes=1.0, now=seconds)
    clock.done = 1
    seconds.value += 20.0
    assert clock.seconds_left == pytest.approx(40.0)
