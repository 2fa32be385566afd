"""PgBouncer in transaction mode: each statement may meet another of the server's connections."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.app import REDIRECT_URI, RelyingParty
from support.families import make_codes, make_refresh_tokens
from support.fleet import Fleet
from support.load import DAILY_WORK, Work, load, sign_in
from support.pgbouncer import PgBouncer
from support.postgresql import Cluster
from support.racing import FULL, Racer, race, racers

pytestmark = [pytest.mark.races, pytest.mark.postgresql, pytest.mark.pgbouncer]

SECONDS = 120 if FULL else 2
#: So many seconds at most everybody gets to do something once.
PATIENCE = 60
TIMES = 1000 if FULL else 15
#: Of the two processes together.
THREADS = 8
#: Connections of the pooler.
POOL_SIZE = 3


@pytest.fixture(scope="module")
def pooler(postgresql: Cluster) -> Iterator[PgBouncer]:
    # Long enough for a busy machine. A deadlock still ends at this limit.
    with PgBouncer(postgresql, POOL_SIZE, wait_seconds=60) as pooler:
        yield pooler


@pytest.fixture(scope="module")
def fleet(
    pooler: PgBouncer,
    postgresql: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
    keys_directory: Path,
) -> Iterator[Fleet]:
    """Two processes that know the database by way of the pooler only."""
    with Fleet(
        tmp_path_factory.mktemp("pooler"),
        2,
        pooler.url(postgresql.new_database()),
        keys_directory,
        oauth__grants="authorization_code refresh_token client_credentials",
        oidcserver__database_answer_timeout=60,
        # All of them come from one.
        oidc__login_attempts_per_address=1_000_000,
    ) as fleet:
        yield fleet


@pytest.fixture
def client(fleet: Fleet) -> RelyingParty:
    return fleet.provider.register(
        grant_types=["authorization_code", "refresh_token", "client_credentials"]
    )


def do_at_once(fleet: Fleet, client: RelyingParty, works: Sequence[Work]) -> None:
    """Check that each kind of work gets done, and that nothing fails."""
    with load(works, fleet.urls, client) as workers:
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < SECONDS or (
            passed < PATIENCE and min(worker.done for worker in workers) == 0
        ):
            time.sleep(0.1)
    assert [failure for worker in workers for failure in worker.failures] == [], fleet.logs()
    assert min(worker.done for worker in workers) > 0


def test_no_request_fails(pooler: PgBouncer, fleet: Fleet, client: RelyingParty) -> None:
    do_at_once(fleet, client, DAILY_WORK * 2)
    clients, servers = pooler.connections()
    assert servers <= POOL_SIZE < clients  # they were handed around


def test_who_holds_a_connection_does_not_wait_for_another(
    fleet: Fleet, client: RelyingParty
) -> None:
    # Signing in reads and writes a lot in one transaction.
    do_at_once(fleet, client, [sign_in] * THREADS)


def test_one_of_many_who_redeem_a_code_at_once_gets_tokens(
    fleet: Fleet, client: RelyingParty
) -> None:
    def redeem(racer: Racer, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": client.verifier,
        }
        return racer.post("/oauth/token", form, client.basic()).error

    with racers(fleet.urls, THREADS) as runners:
        outcomes = race(runners, make_codes(client, TIMES), redeem)
    expected = ["", *["invalid_grant"] * (THREADS - 1)]
    assert [errors for errors in outcomes if sorted(errors) != expected] == []


def test_all_who_present_a_refresh_token_at_once_get_the_same_successor(
    fleet: Fleet, client: RelyingParty
) -> None:
    def refresh(racer: Racer, refresh_token: str) -> str:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        answer = racer.post("/oauth/token", form, client.basic())
        return answer.error or str(answer.json["refresh_token"])

    tokens = make_refresh_tokens(client, TIMES)
    with racers(fleet.urls, THREADS) as runners:
        successors = [set(outcome) for outcome in race(runners, tokens, refresh)]
    assert [different for different in successors if len(different) != 1] == []
    assert len(set.union(*successors) - {"invalid_grant", *tokens}) == TIMES
