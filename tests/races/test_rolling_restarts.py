"""Processes restarted one after the other, behind nginx and under load: nobody notices."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from threading import Event

import pytest
from support.app import RelyingParty
from support.families import make_refresh_tokens
from support.fleet import Fleet
from support.nginx import Nginx
from support.person import Person
from support.postgresql import Cluster
from support.racing import FULL
from support.remote_party import RemoteParty

pytestmark = [pytest.mark.races, pytest.mark.postgresql, pytest.mark.nginx]

PROCESSES = 3
ROUNDS = 20 if FULL else 2
PEOPLE = 5
#: Between two things that one worker does, in seconds, except while a process ends.
PAUSE = 0.1
ENDPOINTS = "authorization token revocation introspection userinfo jwks openid_configuration health"

Step = Callable[[], None]
Work = Callable[[RemoteParty], Step]


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


def ask_client_credentials(party: RemoteParty) -> Step:
    def step() -> None:
        answer = party.token(grant_type="client_credentials", scope="profile")
        assert answer.status == 200, answer

    return step


def rotate_refresh_tokens(party: RemoteParty) -> Step:
    """Present each refresh token once, and then the one that came of it."""
    [refresh_token] = make_refresh_tokens(party.party, 1)

    def step() -> None:
        nonlocal refresh_token
        answer = party.refresh(refresh_token)
        assert answer.status == 200, answer
        refresh_token = answer.json["refresh_token"]

    return step


def ask_userinfo(party: RemoteParty) -> Step:
    access_token, _ = party.new_tokens()

    def step() -> None:
        answer = party.userinfo(access_token)
        assert answer.status == 200, answer

    return step


def introspect(party: RemoteParty) -> Step:
    access_token, _ = party.new_tokens()

    def step() -> None:
        assert party.introspect(access_token)

    return step


def sign_in(party: RemoteParty) -> Step:
    """Sign in anew each time: the login page, the consent page, the code, the tokens."""

    def step() -> None:
        with Person("newcomer") as person:
            answer = party.redeem(party.authorize(person)["code"])
        assert answer.status == 200, answer

    return step


def stay_signed_in(party: RemoteParty) -> Step:
    """Come back signed in, with a consent that is remembered: no page, the code, the tokens."""
    people = cycle(signed_in_people(party))

    def step() -> None:
        with next(people) as person:
            answer = party.redeem(party.authorize(person)["code"])
        assert person.seen == []
        assert answer.status == 200, answer

    return step


def read_discovery(party: RemoteParty) -> Step:
    def step() -> None:
        answer = party.http.get("/.well-known/openid-configuration")
        assert answer.json["issuer"] == party.url

    return step


def use_what_was_revoked(party: RemoteParty) -> Step:
    revoked = Revoked(party)

    def step() -> None:
        revoked.check_refused(party)

    return step


WORK: tuple[Work, ...] = (
    ask_client_credentials,
    rotate_refresh_tokens,
    ask_userinfo,
    introspect,
    sign_in,
    stay_signed_in,
    read_discovery,
    use_what_was_revoked,
)


def signed_in_people(party: RemoteParty) -> list[Person]:
    """Return people who are signed in and whose consent is remembered."""
    people = [Person(f"person-{number}", remembers=True) for number in range(PEOPLE)]
    for person in people:
        with person:
            party.authorize(person)
    return people


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


class Worker:
    """Does one thing again and again, and keeps what went wrong."""

    def __init__(self, work: Work, party: RemoteParty) -> None:
        self.name = work.__name__
        self.step = work(party)
        self.pause = PAUSE
        self.done = 0
        self.failures: list[str] = []

    def run(self, stop: Event) -> None:
        while not stop.wait(self.pause):
            try:
                self.step()
                self.done += 1
            except Exception as problem:
                self.failures.append(f"{self.name}: {problem!r}")


@contextmanager
def load(fleet: Fleet, client: RelyingParty) -> Iterator[list[Worker]]:
    """Let all work be done at once until the end of the ``with``."""
    stop = Event()
    with ExitStack() as stack:
        parties = [stack.enter_context(RemoteParty(fleet.issuer, client)) for _ in WORK]
        pool = stack.enter_context(ThreadPoolExecutor(len(WORK)))
        stack.callback(stop.set)
        workers = list(map(Worker, WORK, parties))
        for worker in workers:
            pool.submit(worker.run, stop)
        yield workers


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
    with load(fleet, client) as workers:
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
