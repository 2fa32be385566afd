"""A share of the threads may wait for other hosts; the rest are told to come back, at once."""

import time
from contextlib import ExitStack
from typing import Any

import pytest

from oidcserver.http import waiting
from oidcserver.http.outbound import HostTimedOut
from oidcserver.http.waiting import HostPaused, TooManyWaiting, WaitedTooLong, WaitingPlaces
from oidcserver.types import OPERATOR, FetchCause

URL = "https://client.example/r"


def urls(host: str = "client{}.example") -> list[str]:
    return [f"https://{host.format(number)}/r{number}" for number in range(8)]


def strangers(network: str = "192.0.2.{}") -> list[tuple[str, FetchCause]]:
    """Return URLs of as many hosts, clients and networks."""
    return [
        (url, FetchCause("keys", url, network.format(number), anybody=True))
        for number, url in enumerate(urls())
    ]


def client(client_id: str = "one") -> FetchCause:
    return FetchCause("keys", client_id)


def held(places: WaitingPlaces, asked: list[tuple[str, FetchCause]]) -> int:
    """Return how many of these may wait at the same time."""
    count = 0
    with ExitStack() as stack:
        for url, cause in asked:
            try:
                stack.enter_context(places.taken(url, cause))
            except TooManyWaiting:
                continue
            count += 1
    return count


def time_out(places: WaitingPlaces, url: str, cause: FetchCause) -> None:
    with pytest.raises(HostTimedOut), places.taken(url, cause):
        raise HostTimedOut("too slow")


def test_so_many_wait_and_no_more_and_each_gives_its_place_back() -> None:
    places = WaitingPlaces(4)
    for _ in range(3):
        assert held(places, [(url, OPERATOR) for url in urls()]) == 4


def test_one_host_has_half_of_the_places() -> None:
    places = WaitingPlaces(4)
    assert held(places, [(url, OPERATOR) for url in urls("Client.example")]) == 2
    with places.taken("https://client.example/1"), places.taken("https://CLIENT.example:443/2"):
        assert held(places, [(url, OPERATOR) for url in urls()]) == 2


def test_one_client_has_half_of_the_places_however_many_hosts_it_names() -> None:
    places = WaitingPlaces(4)
    assert held(places, [(url, client()) for url in urls()]) == 2


@pytest.mark.parametrize("number", range(2, 9))
def test_whatever_strangers_name_the_others_have_half_of_the_places(number: int) -> None:
    places = WaitingPlaces(number)
    assert held(places, strangers()) == number // 2
    registered = [(url, client(url)) for url in urls("registered{}.example")]
    assert held(places, strangers() + registered) == number


def test_one_network_leaves_places_to_other_strangers() -> None:
    places = WaitingPlaces(8)
    assert held(places, strangers("192.0.2.1")) == 2
    assert held(places, strangers("192.0.2.1") + strangers("198.51.100.{}")) == 4


def test_a_single_place_is_for_everybody() -> None:
    assert held(WaitingPlaces(1), [(url, client()) for url in urls()]) == 1
    assert held(WaitingPlaces(1), strangers()) == 1


def test_a_failure_gives_the_place_back_too() -> None:
    places = WaitingPlaces(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), places.taken("https://client.example/", client()):
            raise ZeroDivisionError


def test_a_network_waits_for_slow_hosts_for_one_timeout_in_a_minute(
    standing_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    places = WaitingPlaces(2, timeout=5.0)
    for url, cause in strangers("192.0.2.1")[:3]:
        with places.taken(url, cause):
            now += 2.4  # they answer, just in time
    for url, cause in strangers("192.0.2.1"):
        with pytest.raises(WaitedTooLong) as problem, places.taken(url, cause):
            pass
        assert (problem.value.host, problem.value.retry_after) == (url[8:-3], 60)
    assert held(places, strangers("198.51.100.{}")) == 1
    assert held(places, [(URL, client())]) == 1
    standing_clock.advance(60)
    assert held(places, strangers("192.0.2.1")) == 1


def test_a_timeout_uses_the_time_of_a_network_up(standing_clock: Any) -> None:
    places = WaitingPlaces(2)
    time_out(places, *strangers("192.0.2.1")[0])
    assert held(places, strangers("192.0.2.1")[1:]) == 0


def test_the_pause_of_a_host_grows_and_ends_with_an_answer(standing_clock: Any) -> None:
    places = WaitingPlaces(2, timeout=5.0)
    pauses = []
    for _ in range(7):
        time_out(places, URL, client())
        with pytest.raises(HostPaused) as problem, places.taken(f"{URL}/other", client()):
            pass
        pauses.append(int(problem.value.reason.split()[-2]))
        standing_clock.advance(pauses[-1])
    assert pauses == [10, 20, 40, 80, 160, 300, 300]
    with places.taken(URL, client()):
        pass
    time_out(places, URL, client())
    standing_clock.advance(10)
    assert held(places, [(URL, client())]) == 1


def test_nobody_can_have_the_host_of_another_client_paused(standing_clock: Any) -> None:
    places = WaitingPlaces(2)
    time_out(places, URL, FetchCause("keys", "https://stranger.example/", "192.0.2.1", True))
    time_out(places, URL, FetchCause("request object", "one", "192.0.2.1"))
    with places.taken(URL, client()):
        pass


def test_what_was_rejected_is_not_counted(standing_clock: Any) -> None:
    counted: list[tuple[str, str]] = []

    def count(cause: FetchCause, host: str) -> int:
        counted.append((cause.network, host))
        return 0

    places = WaitingPlaces(2, count=count)
    assert held(places, strangers()) == 1
    assert counted == [("192.0.2.0", "client0.example")]
    assert held(places, [(URL, client()), ("", OPERATOR)]) == 2
    assert len(counted) == 1, "no request of a network caused these"
    assert waiting.RETRY_SECONDS > 0
