"""Processes restarted one after the other, behind nginx and under load: nobody notices."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.app import RelyingParty
from support.fleet import Fleet
from support.load import DAILY_WORK, Step, Worker, load, read_discovery, signed_in_people
from support.nginx import Nginx
from support.person import Person
from support.postgresql import Cluster
from support.racing import FULL
from support.remote_party import RemoteParty

pytestmark = [pytest.mark.races, pytest.mark.postgresql, pytest.mark.nginx]

PROCESSES = 3
ROUNDS = 20 if FULL else 2
#: Between two things that one worker does, in seconds, except while a process ends.
PAUSE = 0.1
ENDPOINTS = "authorization token revocation introspection userinfo jwks openid_configuration health"


@pytest.fixture
def proxy() -> Iterator[Nginx]:
    """An nginx that is not started yet."""
    with Nginx() as nginx:
        yield nginx


@pytest.fixture
def fleet(
    proxy: Nginx, postgresql: Cluster, tmp_path: Path, keys_directory: Path
) -> Iterator[Fleet]:
    """Processes over one database, and the proxy before them, whose URL is the issuer."""
    with Fleet(
        tmp_path,
        PROCESSES,
        postgresql.new_database(),
        keys_directory,
        oidc__issuer=proxy.url,
        oauth__endpoints=ENDPOINTS,
        # All of them come from one.
        oidc__login_attempts_per_address=1_000_000,
    ) as fleet:
        proxy.start(fleet.urls)
        yield fleet


@pytest.fixture
def client(fleet: Fleet) -> RelyingParty:
    return fleet.provider.register(
        grant_types=["authorization_code", "refresh_token", "client_credentials"]
    )


def use_what_was_revoked(party: RemoteParty) -> Step:
    revoked = Revoked(party)

    def step() -> None:
        revoked.check_refused(party)

    return step


WORK = (*DAILY_WORK, read_discovery, use_what_was_revoked)


def check_signed_in(party: RemoteParty, people: list[Person]) -> None:
    """Check that everybody still is, without a page."""
    for person in people:
        with person:
            assert party.authorize_silently(person) == ""


class Revoked:
    """An access token that was revoked by itself, and a family that was revoked as a whole."""

    def __init__(self, party: RemoteParty) -> None:
        alone, _ = party.new_tokens()
        of_family, self.refresh_token = party.new_tokens()
        self.access_tokens = [alone, of_family]
        party.revoke(alone)
        party.revoke(self.refresh_token)

    def check_refused(self, party: RemoteParty) -> None:
        """Check that none of it is good for anything."""
        for access_token in self.access_tokens:
            assert party.userinfo(access_token).status == 401
            assert not party.introspect(access_token)
        assert party.refresh(self.refresh_token).error == "invalid_grant"


@contextmanager
def at_full_speed(workers: list[Worker]) -> Iterator[None]:
    """Let nobody pause until the end of the ``with``."""
    for worker in workers:
        worker.pause = 0
    try:
        yield
    finally:
        for worker in workers:
            worker.pause = PAUSE


def test_no_request_fails_and_nothing_is_forgotten(
    proxy: Nginx, fleet: Fleet, client: RelyingParty
) -> None:
    with RemoteParty(fleet.issuer, client) as party:
        people, revoked = signed_in_people(party), Revoked(party)
    with load(WORK, [fleet.issuer], client, PAUSE) as workers:
        for number in list(range(PROCESSES)) * ROUNDS:
            with at_full_speed(workers):
                time.sleep(0.2)
                fleet.servers[number].stop()
            fleet.restart(number)
            with RemoteParty(fleet.urls[number], client) as process:
                assert process.http.get("/health").status == 200
                check_signed_in(process, people)
                revoked.check_refused(process)
    assert [failure for worker in workers for failure in worker.failures] == []
    assert min(worker.done for worker in workers) > 0
    assert proxy.sent_again() > 0  # the restarts were felt
