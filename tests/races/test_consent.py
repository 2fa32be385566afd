"""One decision on consent, sent at once to several processes: a double click, and worse."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
from sqlalchemy import select
from support.app import RelyingParty
from support.fleet import Fleet
from support.person import Form, Person, read_forms
from support.racing import FULL, Racer, race

from oidcserver.models import Authorization, AuthorizationCode, Consent

pytestmark = pytest.mark.races

DECISIONS = 1_000 if FULL else 20


@pytest.fixture
def person(fleet: Fleet, client: RelyingParty) -> Iterator[Person]:
    """The browser of a signed-in user."""
    with Person("decider") as person:
        person.authorize(authorize_url(fleet, client), client.client.redirect_uris[0])
        yield person


def authorize_url(fleet: Fleet, client: RelyingParty) -> str:
    """Return the link of the relying party."""
    return f"{fleet.issuer}/oauth/authorize?{urlencode(client.parameters())}"


def open_consent_page(fleet: Fleet, client: RelyingParty, person: Person) -> Form:
    """Return the form that a new request shows."""
    url = authorize_url(fleet, client)
    response = person.send("GET", url)
    response = person.send("GET", urljoin(url, response.headers["Location"]))
    return read_forms(response)["consent"]


class Outcome(NamedTuple):
    """The answer that the client gets after one click."""

    code: str
    error: str


class Click:
    """Send the form and follow, as a browser does after a click."""

    def __init__(self, fleet: Fleet, person: Person) -> None:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.http.cookies)
        self._headers = {"Cookie": cookies}
        self._issuer = fleet.issuer

    def __call__(self, racer: Racer, form: Form, decision: str) -> Outcome:
        fields = {**form.fields, "decision": decision}
        answer = racer.post(self._path(form.action), fields, self._headers)
        for _ in range(5):
            assert answer.status == 303, answer
            if not answer.location.startswith(self._issuer):
                break
            answer = racer.get(self._path(answer.location), self._headers)
        parameters = parse_qs(urlsplit(answer.location).query)
        assert parameters["state"] == ["the-state"]
        return Outcome(parameters.get("code", [""])[0], parameters.get("error", [""])[0])

    def _path(self, url: str) -> str:
        return url.removeprefix(self._issuer)


def written(client: RelyingParty, model: Any) -> int:
    """Return the number of the client's rows."""
    with client.provider.database() as dbsession:
        found = dbsession.scalars(select(model).where(model.client_id == client.client_id))
        return len(found.all())


def test_a_double_click_gives_one_code(
    fleet: Fleet, client: RelyingParty, person: Person, runners: list[Racer]
) -> None:
    click = Click(fleet, person)
    before = written(client, Authorization)
    forms = [open_consent_page(fleet, client, person) for _ in range(DECISIONS)]

    outcomes = race(runners, forms, lambda racer, form: click(racer, form, "allow"))

    assert [different for different in outcomes if len(set(different)) != 1] == []
    codes = {outcome.code for answers in outcomes for outcome in answers}
    assert "" not in codes
    assert len(codes) == DECISIONS
    assert written(client, AuthorizationCode) == before + DECISIONS
    assert written(client, Authorization) == before + DECISIONS
    assert written(client, Consent) == 1


def test_of_two_answers_at_once_one_stands(
    fleet: Fleet, client: RelyingParty, person: Person, runners: list[Racer]
) -> None:
    click = Click(fleet, person)
    before = written(client, Authorization)
    forms = [open_consent_page(fleet, client, person) for _ in range(DECISIONS)]
    decisions = {id(racer): ("allow", "deny")[at % 2] for at, racer in enumerate(runners)}

    outcomes = race(runners, forms, lambda racer, form: click(racer, form, decisions[id(racer)]))

    assert [different for different in outcomes if len(set(different)) != 1] == []
    allowed = [answers[0] for answers in outcomes if answers[0].code]
    denied = [answers[0] for answers in outcomes if answers[0].error == "access_denied"]
    assert len(allowed) + len(denied) == DECISIONS
    assert written(client, Authorization) == before + len(allowed)
