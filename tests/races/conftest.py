"""Several processes over one database, once SQLite and once PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.app import RelyingParty
from support.fleet import Fleet
from support.postgresql import Cluster
from support.racing import FULL, Racer, racers

PROCESSES = 4 if FULL else 3
TESTS = Path(__file__).parent.parent

MakeFleet = Callable[..., Fleet]


@pytest.fixture(
    scope="package", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def make_fleet(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    keys_directory: Path,
) -> Iterator[MakeFleet]:
    """Return a function that starts processes with given settings, all over one database."""
    directory = tmp_path_factory.mktemp("races")
    url = f"sqlite:///{directory / 'test.sqlite'}"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgresql")
        url = cluster.new_database()
    with ExitStack() as stack, pytest.MonkeyPatch.context() as monkeypatch:
        # The processes find the plugin of the tests.
        monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)

        def make(count: int = PROCESSES, **settings: object) -> Fleet:
            fleet = Fleet(
                directory,
                count,
                url,
                keys_directory,
                oidcserver__includes="support.counting_directory",
                oidc__user_directory="counting",
                counting__path=directory / "evaluations",
                # All of them come from one address, and from tests before.
                oidc__login_attempts_per_address=1_000_000,
                **settings,
            )
            return stack.enter_context(fleet)

        yield make


@pytest.fixture(scope="package")
def fleet(make_fleet: MakeFleet) -> Fleet:
    """Processes with the settings of development."""
    return make_fleet()


@pytest.fixture
def client(fleet: Fleet) -> RelyingParty:
    """A client of its own for each test."""
    return fleet.provider.register(grant_types=["authorization_code", "refresh_token", "password"])


@pytest.fixture
def runners(fleet: Fleet) -> Iterator[list[Racer]]:
    """Four clients, each at another process so far as there are as many."""
    with racers(fleet.urls, 4) as made:
        yield made
