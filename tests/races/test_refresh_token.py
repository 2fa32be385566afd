"""One refresh token, presented at once at several processes."""

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import select
from support.app import RelyingParty
from support.families import make_refresh_tokens
from support.fleet import Fleet
from support.racing import FULL, Answer, Racer, race, racers

from oidcserver.models import Authorization, RefreshToken

pytestmark = pytest.mark.races

TOKENS = 10_000 if FULL else 40


def present(client: RelyingParty, racer: Racer, refresh_token: str) -> Answer:
    """Present a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return racer.post("/oauth/token", form, client.basic())


def families(client: RelyingParty) -> tuple[Counter[str], int]:
    """Return the number of tokens of each family of the client, and of families that ended."""
    with client.provider.database() as dbsession:
        tokens = select(RefreshToken.authorization_id)
        tokens = tokens.where(RefreshToken.client_id == client.client_id)
        ended = select(Authorization.id).where(
            Authorization.client_id == client.client_id, Authorization.revoked_at.is_not(None)
        )
        return Counter(dbsession.scalars(tokens)), len(dbsession.scalars(ended).all())


def test_within_the_window_all_get_the_same_successor(
    client: RelyingParty, runners: list[Racer]
) -> None:
    tokens = make_refresh_tokens(client, TOKENS)

    outcomes = race(runners, tokens, lambda racer, token: present(client, racer, token))

    assert [answers for answers in outcomes if any(a.error for a in answers)] == []
    successors = [{a.json["refresh_token"] for a in answers} for answers in outcomes]
    assert [different for different in successors if len(different) != 1] == []
    assert len(set.union(*successors) - set(tokens)) == TOKENS
    access_tokens = {a.json["access_token"] for answers in outcomes for a in answers}
    assert len(access_tokens) == TOKENS * len(runners)
    count, ended = families(client)
    assert set(count.values()) == {2}
    assert ended == 0
    # The family lives on.
    successor = successors[0].pop()
    assert present(client, runners[0], successor).status == 200


@pytest.fixture(scope="module")
def strict_fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    """Processes that forgive no second use."""
    return make_fleet(oauth__refresh_token_retry_window=0)


def test_without_a_window_exactly_one_gets_a_successor_and_the_family_ends(
    strict_fleet: Fleet, client: RelyingParty
) -> None:
    tokens = make_refresh_tokens(client, TOKENS)

    with racers(strict_fleet.urls, 4) as runners:
        outcomes = race(runners, tokens, lambda racer, token: present(client, racer, token))
        expected = ["", *["invalid_grant"] * (len(runners) - 1)]
        assert [o for o in outcomes if sorted(a.error for a in o) != expected] == []
        winners = [a.json for answers in outcomes for a in answers if a.status == 200]
        again = [present(client, runners[0], winner["refresh_token"]) for winner in winners]
    assert {answer.error for answer in again} == {"invalid_grant"}
    count, ended = families(client)
    assert set(count.values()) == {2}
    assert ended == TOKENS
