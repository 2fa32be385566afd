"""Hosts that did not answer and networks that waited long are remembered, and forgotten in time."""

from typing import Any

import pytest

from oidcserver.http import slowness
from oidcserver.http.slowness import Pauses, WaitedTime


@pytest.fixture
def pauses(standing_clock: Any) -> Pauses:
    return Pauses(5.0)


def test_a_pause_is_longer_than_a_timeout(standing_clock: Any) -> None:
    for timeout, pause in ((1.0, 10), (5.0, 10), (20.0, 40), (400.0, 800)):
        pauses = Pauses(timeout)
        pauses.begin("host")
        assert pauses.left("host") == pause
        standing_clock.advance(pause)
        assert pauses.left("host") == 0
        assert pauses.left("other") == 0


def test_after_quiet_for_as_long_a_pause_is_a_first_one(
    pauses: Pauses, standing_clock: Any
) -> None:
    for quiet, pause in ((0, 10), (10, 20), (39, 40), (80, 10)):
        standing_clock.advance(quiet)
        pauses.begin("host")
        assert pauses.left("host") == pause


def test_a_clock_that_was_set_back_ends_a_pause(pauses: Pauses, standing_clock: Any) -> None:
    waited = WaitedTime(5.0)
    pauses.begin("host")
    waited.add("network", 5.0)
    standing_clock.advance(-1000)
    assert (pauses.left("host"), waited.left("network")) == (0, 0)


def test_the_time_of_a_network_is_that_of_a_minute(standing_clock: Any) -> None:
    waited = WaitedTime(5.0)
    for second, used, left in ((0, 2.4, 0), (20, 2.4, 0), (30, 0.2, 10), (9, 0.0, 1), (1, 0.0, 0)):
        standing_clock.advance(second)
        if used:
            waited.add("network", used)
        assert waited.left("network") == left
    waited.add("network", 4.9)
    assert waited.left("network") == 0


def test_the_memory_has_a_bound(pauses: Pauses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowness, "MAX_REMEMBERED", 2)
    for host in "aba":
        pauses.begin(host)
    pauses.begin("c")
    assert [pauses.left(host) > 0 for host in "abc"] == [True, False, True]
