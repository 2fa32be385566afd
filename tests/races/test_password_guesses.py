"""Passwords guessed at once, at several processes and by both ways in."""

import secrets
from collections import Counter

import pytest
from support.app import RelyingParty
from support.counting_directory import evaluations
from support.fleet import Fleet
from support.person import Person, read_forms
from support.racing import FULL, Answer, Racer, race, racers

pytestmark = pytest.mark.races

GUESSES = 100
ROUNDS = 10 if FULL else 1


def evaluated(fleet: Fleet) -> Counter[str]:
    """Return how many passwords were evaluated, by user name."""
    return Counter(evaluations(fleet.provider.registry.oidc.provider).read_text().split())


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_a_hundred_guesses_at_once_no_more_than_the_limit_are_evaluated(
    fleet: Fleet, client: RelyingParty, round_: int
) -> None:
    limit = fleet.provider.registry.oidc.provider.settings["oidc.login_attempts"]
    username = f"victim-{secrets.token_hex(4)}"
    with Person() as person:
        form = read_forms(person.send("GET", f"{fleet.issuer}/login"))["login"]
        cookies = {"Cookie": "; ".join(f"{c.name}={c.value}" for c in person.http.cookies)}

    def grant(racer: Racer, password: str) -> Answer:
        asked = {"grant_type": "password", "username": username, "password": password}
        return racer.post("/oauth/token", asked, client.basic())

    def guess(racer: Racer, number: int) -> Answer:
        if at[racer] % 2:
            return grant(racer, "guessed")
        # Another spelling of the same name.
        fields = {"username": f" {username.upper()} ", "password": "guessed"}
        return racer.post("/login", {**form.fields, **fields}, cookies)

    with racers(fleet.urls, GUESSES) as runners:
        at = {racer: number for number, racer in enumerate(runners)}
        [answers] = race(runners, [0], guess)
        statuses = Counter(answer.status for answer in answers)
        assert statuses == {400: GUESSES // 2, 403: GUESSES // 2}
        # The right password comes too late, and nothing tells so.
        late = grant(runners[0], "valid")
    refused = [answer for answer in answers if answer.status == 400]
    assert {answer.body for answer in refused} == {late.body}
    assert sum(evaluated(fleet)[name] for name in (username, username.upper())) == limit
