"""The fixtures that every room may use, and what is said of tests that could not run."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support.app import Provider
from support.browser import start_browser
from support.postgresql import Cluster
from support.processes import free_port
from support.requirements import REQUIREMENTS, missing
from support.shared_work import shared_work
from webtest.http import StopableWSGIServer

from oidcserver import clock as oidcserver_clock

if TYPE_CHECKING:  # it imports python-ldap, which may not be installed
    from support.slapd import Slapd, Unit

MISSING = missing()
INSTALL = " ".join(["apt-get install -y", *(lacking.packages for lacking in MISSING.values())])
NOT_INSTALLED = " is not installed"
LEFT_OUT: Counter[str] = Counter()

# The speed of an example says nothing on a busy machine.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


#: A file system in memory, where committing is quick, and the room that a run may need there.
MEMORY, ROOM = Path("/dev/shm"), 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Put temporary files into memory, if there is room. In CI nothing is left out."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is read again
    if MISSING and os.environ.get("CI") == "true":
        names = ", ".join(lacking.name for lacking in MISSING.values())
        pytest.exit(f"CI lacks {names}: {INSTALL}", returncode=3)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that takes the fixture `postgresql` or `browser` needs what the marker says."""
    for marker in REQUIREMENTS.keys() & set(getattr(item, "fixturenames", ())):
        item.add_marker(marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test whose program is not there."""
    for marker in item.iter_markers():
        if marker.name in MISSING:
            pytest.skip(f"{MISSING[marker.name].name}{NOT_INSTALLED}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what was left out. The process that started the workers hears of every test."""
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.endswith(NOT_INSTALLED):
            LEFT_OUT[reason.removesuffix(NOT_INSTALLED)] += 1


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say last and loudly what was not run."""
    if LEFT_OUT and not hasattr(config, "workerinput"):
        line = "!" * 78
        print(f"\n{line}\nNOT RUN, because this machine lacks what they need:")
        for name, count in LEFT_OUT.items():
            print(f"  the tests with {name}: {count}")
        print(f"To run them too:  {INSTALL}\n{line}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A throwaway PostgreSQL cluster."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def ldap() -> Iterator["Slapd"]:
    """A throwaway LDAP server."""
    from support.slapd import Slapd

    server = Slapd()
    yield server
    server.stop()


@pytest.fixture
def unit(ldap: "Slapd") -> "Unit":
    """A place of the test's own on the LDAP server."""
    return ldap.new_unit()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.new_database()


class Clock:
    """Moves the provider's time."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        oidcserver_clock.offset += seconds


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The provider's clock, put right again afterwards."""
    yield Clock()
    oidcserver_clock.offset = 0.0


@pytest.fixture
def frozen(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The provider's clock, which goes on only when it is told to."""
    moment = oidcserver_clock.now()
    monkeypatch.setattr(oidcserver_clock, "now", lambda: int(moment + oidcserver_clock.offset))
    return clock


@pytest.fixture(scope="session", autouse=True)
def _shared_work() -> Iterator[None]:
    """Do once what each start of a provider would do again."""
    with shared_work():
        yield


@pytest.fixture(scope="session")
def keys_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys that many tests share, since RSA keys take long to make."""
    return tmp_path_factory.mktemp("shared") / "keys"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module with the marker ``both_databases`` on each of them."""
    marked = metafunc.definition.get_closest_marker("both_databases") is not None
    if marked and "backend" in metafunc.fixturenames:
        postgresql = pytest.param("postgresql", marks=pytest.mark.postgresql)
        metafunc.parametrize("backend", ["sqlite", postgresql], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The database of a test's provider: ``sqlite``, unless the module has ``both_databases``."""
    backend: str = getattr(request, "param", "sqlite")
    return backend


def _make_schema(url: str, keys_directory: Path) -> str:
    Provider(
        {"oidcserver__database_url": url, "oidcserver__keys_directory": str(keys_directory)}
    ).close()
    return url


@pytest.fixture(scope="session")
def empty_provider_database(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Path:
    """A SQLite file with the schema and no rows, which is quicker to copy than to make."""
    path = tmp_path_factory.mktemp("schema") / "provider.sqlite"
    _make_schema(f"sqlite:///{path}", keys_directory)
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql: Cluster, keys_directory: Path) -> str:
    """The URL of a PostgreSQL database with the schema and no rows."""
    return _make_schema(postgresql.new_database(), keys_directory)


@pytest.fixture
def provider_url(
    request: pytest.FixtureRequest, backend: str, tmp_path: Path, empty_provider_database: Path
) -> Iterator[str]:
    """The URL of a database of the test's own, with the schema and no rows."""
    if backend == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgresql")
        with cluster.lent_database(request.getfixturevalue("postgresql_template")) as url:
            yield url
    else:
        yield f"sqlite:///{shutil.copy(empty_provider_database, tmp_path / 'provider.sqlite')}"


MakeProvider = Callable[..., Provider]


@pytest.fixture
def make_provider(keys_directory: Path, provider_url: str) -> Iterator[MakeProvider]:
    """Return a function that makes a provider of given settings.

    Settings have ``__`` for the first dot: ``make_provider(oauth__grants="password")``.
    """
    made: list[Provider] = []

    def make(**settings: object) -> Provider:
        defaults = {
            "oidcserver__database_url": provider_url,
            "oidcserver__keys_directory": str(keys_directory),
        }
        provider = Provider({**defaults, **settings})
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider: MakeProvider) -> Provider:
    """A provider with everything that development selects."""
    return make_provider()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[object]:
    """A headless Chromium with an empty profile."""
    driver = start_browser(tmp_path / "profile")
    yield driver
    driver.quit()


Serve = Callable[[object, int], None]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves an application on a port of 127.0.0.1."""
    running: list[StopableWSGIServer] = []

    def start(wsgi: object, port: int) -> None:
        running.append(StopableWSGIServer.create(wsgi, host="127.0.0.1", port=port, threads=4))

    yield start
    for server in running:
        server.shutdown()


@pytest.fixture
def served(make_provider: MakeProvider, serve: Serve) -> Provider:
    """A provider that a browser can reach."""
    port = free_port()
    provider = make_provider(oidc__issuer=f"http://localhost:{port}")
    serve(provider.wsgi, port)
    return provider
