"""A token or session that one process ends has ended at the others when it answers."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from support.app import RelyingParty
from support.fleet import Fleet
from support.person import Person, read_forms
from support.racing import FULL
from support.remote_party import RemoteParty

from oidcserver.cli import main
from oidcserver.models import Client
from oidcserver.models.user import find_user

pytestmark = pytest.mark.races

TIMES = 100 if FULL else 6

#: A process, and the others.
Place = tuple[RemoteParty, list[RemoteParty]]


@pytest.fixture
def places(fleet: Fleet, client: RelyingParty) -> Iterator[list[Place]]:
    """Where something ends and who has to know, each time another."""
    with ExitStack() as stack:
        all_ = [stack.enter_context(RemoteParty(url, client)) for url in fleet.urls]
        turned = [all_[n % len(all_) :] + all_[: n % len(all_)] for n in range(TIMES)]
        yield [(here, others) for here, *others in turned]


@pytest.fixture
def person() -> Iterator[Person]:
    """The browser of a user who remembers the consent."""
    with Person("everywhere", remembers=True) as person:
        yield person


def check_live(party: RemoteParty, access_token: str) -> None:
    """Check that a process honours an access token."""
    assert party.userinfo(access_token).status == 200
    assert party.introspect(access_token)


def check_dead(party: RemoteParty, access_token: str) -> None:
    """Check that a process refuses an access token."""
    assert party.userinfo(access_token).status == 401
    assert not party.introspect(access_token)


def sign_in(party: RemoteParty, person: Person) -> str:
    """Sign the person in, with consent; return an access token."""
    access_token: str = party.redeem(party.authorize(person)["code"]).json["access_token"]
    return access_token


def test_a_revoked_access_token(places: list[Place]) -> None:
    for here, others in places:
        access_token, _ = here.new_tokens()
        for other in others:
            check_live(other, access_token)
        here.revoke(access_token)
        for other in others:
            check_dead(other, access_token)


def test_a_family_revoked_by_its_refresh_token(places: list[Place]) -> None:
    for here, others in places:
        access_token, refresh_token = here.new_tokens()
        for other in others:
            check_live(other, access_token)
        here.revoke(refresh_token)
        for other in others:
            check_dead(other, access_token)
            assert other.refresh(refresh_token).error == "invalid_grant"


def test_a_session_that_was_signed_out(places: list[Place], person: Person) -> None:
    for here, others in places:
        access_token = sign_in(here, person)
        for other in others:
            assert other.authorize_silently(person) == ""
            check_live(other, access_token)
        person.sign_out(here.url)
        for other in others:
            assert other.authorize_silently(person) == "login_required"
            check_dead(other, access_token)


def test_a_consent_that_was_withdrawn(places: list[Place], person: Person) -> None:
    for here, others in places:
        access_token = sign_in(here, person)
        for other in others:
            assert other.authorize_silently(person) == ""
            check_live(other, access_token)
        cookie = here.party.provider.registry.oidc.provider.cookie_name("csrf")
        form = {"csrf_token": person.http.cookies[cookie], "client": here.party.client_id}
        assert person.send("POST", f"{here.url}/account/applications", form).status_code == 303
        for other in others:
            assert other.authorize_silently(person) == "consent_required"
            check_dead(other, access_token)


def test_a_person_who_was_disabled(fleet: Fleet, places: list[Place]) -> None:
    """By the command line, which is one more process."""
    for number, (here, others) in enumerate(places):
        with Person(f"leaver-{number}", remembers=True) as person:
            access_token = sign_in(here, person)
            for other in others:
                assert other.authorize_silently(person) == ""
                check_live(other, access_token)
            command = ["users", "disable", str(fleet.inis[0]), person.username]
            assert CliRunner().invoke(main, command).exit_code == 0
            for other in (here, *others):
                assert other.authorize_silently(person) == "login_required"
                check_dead(other, access_token)


def own(client: RelyingParty, person: Person) -> None:
    """Make a client the person's own."""
    with client.provider.database() as dbsession:
        owner = find_user(dbsession, person.username)
        assert owner is not None
        dbsession.get_one(Client, client.client_id).owner_id = owner.id


def test_a_client_secret_that_was_replaced(places: list[Place], person: Person) -> None:
    """The one before works on for a while; what was replaced earlier does not."""
    client = places[0][0].party
    sign_in(places[0][0], person)
    own(client, person)
    secrets = [client.secret]

    def answers(party: RemoteParty) -> list[int]:
        """Return the statuses that the last three get, the newest first."""
        statuses = []
        for secret in secrets[:-4:-1]:
            client.secret = secret
            answer = party.http.post("/oauth/revoke", {"token": "unknown"}, client.basic())
            statuses.append(answer.status)
        return statuses

    for here, others in places:
        page = f"{here.url}/clients/{client.client_id}/secret"
        form = read_forms(person.send("GET", page))["new_secret"]
        answer = person.send("POST", page, form.fields)
        secrets += re.findall(r'id="client_secret"[^>]*>([^<]+)<', answer.text)
        for other in others:
            assert answers(other) == [200, 200, 401][: len(secrets)]


def test_a_client_that_was_deleted(fleet: Fleet, places: list[Place], person: Person) -> None:
    sign_in(places[0][0], person)
    for here, others in places:
        client = fleet.provider.register()
        own(client, person)
        with ExitStack() as stack:
            asking = [stack.enter_context(RemoteParty(other.url, client)) for other in others]
            access_token, refresh_token = asking[0].new_tokens()
            for other in asking:
                check_live(other, access_token)
            page = f"{here.url}/clients/{client.client_id}/delete"
            form = read_forms(person.send("GET", page))["delete"]
            assert person.send("POST", page, form.fields).status_code == 303
            for other in asking:
                assert other.userinfo(access_token).status == 401
                assert other.refresh(refresh_token).error == "invalid_client"
