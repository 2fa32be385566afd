"""A share of the threads may wait for other hosts; the rest are told to come back, at once."""

from contextlib import ExitStack

import pytest

from oidcserver.http.waiting import TooManyWaiting, WaitingPlaces


def urls(host: str = "client{}.example") -> list[str]:
    return [f"https://{host.format(number)}/r{number}" for number in range(8)]


def held(places: WaitingPlaces, asked: list[tuple[str, str]]) -> int:
    """Return how many of these may wait at the same time."""
    count = 0
    with ExitStack() as stack:
        for url, client_id in asked:
            try:
                stack.enter_context(places.taken(url, client_id))
            except TooManyWaiting:
                continue
            count += 1
    return count


def test_so_many_wait_and_no_more_and_each_gives_its_place_back() -> None:
    places = WaitingPlaces(4)
    for _ in range(3):
        assert held(places, [(url, "") for url in urls()]) == 4


def test_one_host_has_half_of_the_places() -> None:
    places = WaitingPlaces(4)
    assert held(places, [(url, "") for url in urls("Client.example")]) == 2
    with places.taken("https://client.example/1"), places.taken("https://CLIENT.example:443/2"):
        assert held(places, [(url, "") for url in urls()]) == 2


def test_one_client_has_half_of_the_places_however_many_hosts_it_names() -> None:
    places = WaitingPlaces(4)
    assert held(places, [(url, "one") for url in urls()]) == 2


def test_a_single_place_is_for_everybody() -> None:
    assert held(WaitingPlaces(1), [(url, "one") for url in urls()]) == 1


def test_a_failure_gives_the_place_back_too() -> None:
    places = WaitingPlaces(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), places.taken("https://client.example/", "one"):
            raise ZeroDivisionError
