"""The order of logout messages: clients that answer come first, those that hang last."""

import pytest

from oidcserver.operations import lanes as lanes_module
from oidcserver.operations.lanes import HANGING, ONE_HOST, UNPROVEN, DeliveryLanes


def enter(lanes: DeliveryLanes, kind: str, count: int) -> list[str]:
    """Let so many clients of one kind in, each with a host of its own; return who got in."""
    names = [f"{kind}{number}" for number in range(count)]
    return [name for name in names if lanes.enter(name, f"{name}.example")]


def leave(lanes: DeliveryLanes, names: list[str], *, answered: bool) -> None:
    for name in names:
        lanes.leave(f"{name}.example", answered=answered)


def test_one_host_has_few_deliveries_at_once() -> None:
    lanes = DeliveryLanes()
    entered = [lanes.enter(f"client{number}", "shared.example") for number in range(10)]
    assert entered == [True] * ONE_HOST + [False] * (10 - ONE_HOST)
    assert len(lanes.waiting_clients()) == 10
    assert lanes.enter("other", "other.example")
    lanes.leave("shared.example", answered=True)
    assert lanes.enter("client9", "shared.example")


def test_hosts_that_hung_share_a_small_part_and_the_others_go_on() -> None:
    lanes = DeliveryLanes()
    first = enter(lanes, "hanging", 20)
    leave(lanes, first, answered=False)
    assert len(enter(lanes, "hanging", 20)) == HANGING
    assert set(lanes.waiting_clients()) == set(first)
    assert len(enter(lanes, "new", 5)) == 5


def test_hosts_that_are_not_known_leave_places_to_those_that_answer() -> None:
    lanes = DeliveryLanes()
    good = enter(lanes, "good", 8)
    leave(lanes, good, answered=True)
    assert len(enter(lanes, "unknown", 40)) == UNPROVEN
    assert not set(lanes.waiting_clients()) & set(good)
    assert enter(lanes, "good", 8) == good


def test_a_host_that_answers_again_is_as_good_as_others() -> None:
    lanes = DeliveryLanes()
    for answered in (False, True):
        entered = enter(lanes, "host", HANGING)
        leave(lanes, entered, answered=answered)
    entered = enter(lanes, "host", HANGING)
    assert len(entered) == HANGING
    assert lanes.waiting_clients() == []


def test_the_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "MAX_REMEMBERED", 3)
    lanes = DeliveryLanes()
    for number in range(10):
        leave(lanes, enter(lanes, f"host{number}-", 1), answered=False)
    assert len(lanes._hosts) == len(lanes._answered) == 3
