"""The provider of conformance.ini, and the clients of each variant of a module."""

from collections.abc import Iterator

import pytest
from support.app import Browser
from support.client_web import ClientWeb
from support.conformance import ConformanceProvider
from support.conformance_ciba import Approver, CibaProvider
from support.conformance_ciba_plans import CibaVariant
from support.conformance_variants import Variant
from support.notification_endpoint import NotificationEndpoint
from support.strict_ciba_client import RegisterCiba, StrictCibaClient
from support.strict_relying_party import Register, StrictRelyingParty


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def conformance_provider(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConformanceProvider]:
    """One provider for all tests that leave its keys alone: each has clients of its own."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    provider = ConformanceProvider(tmp_path_factory.mktemp("conformance"), url)
    yield provider
    provider.close()


@pytest.fixture
def register(conformance_provider: ConformanceProvider, variant: Variant) -> Iterator[Register]:
    """A function that registers a client of the variant with further metadata."""

    made: list[StrictRelyingParty] = []

    def register(**metadata: object) -> StrictRelyingParty:
        made.append(StrictRelyingParty(conformance_provider, variant, **metadata))
        return made[-1]

    yield register
    for rp in made:
        rp.unregister()


@pytest.fixture
def rp(register: Register) -> StrictRelyingParty:
    """A client of the variant."""
    return register()


@pytest.fixture
def person(conformance_provider: ConformanceProvider) -> Browser:
    """The browser of a person who is not signed in."""
    return conformance_provider.browser()


@pytest.fixture
def web(conformance_provider: ConformanceProvider, monkeypatch: pytest.MonkeyPatch) -> ClientWeb:
    """The documents of the relying party. The provider can fetch nothing else."""
    web = ClientWeb()
    web.stand_in(conformance_provider, monkeypatch)
    return web


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def ciba_provider(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CibaProvider]:
    """One provider for all tests of FAPI-CIBA: each has clients of its own."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    provider = CibaProvider(tmp_path_factory.mktemp("ciba"), url)
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def approver(ciba_provider: CibaProvider) -> Approver:
    """The user whom the backchannel requests name."""
    return Approver(ciba_provider)


@pytest.fixture
def notified() -> Iterator[NotificationEndpoint]:
    """Where a client in ping mode is notified."""
    endpoint = NotificationEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def register_ciba(
    ciba_provider: CibaProvider, ciba_variant: CibaVariant, notified: NotificationEndpoint
) -> Iterator[RegisterCiba]:
    """A function that registers a client of the variant, with the credentials of a name."""
    made: list[StrictCibaClient] = []

    def register(name: str, **metadata: object) -> StrictCibaClient:
        made.append(StrictCibaClient(ciba_provider, ciba_variant, notified, name, **metadata))
        return made[-1]

    yield register
    for client in made:
        client.unregister()


@pytest.fixture
def first(register_ciba: RegisterCiba) -> StrictCibaClient:
    """A client of the variant."""
    return register_ciba("first")


@pytest.fixture
def second(register_ciba: RegisterCiba) -> StrictCibaClient:
    """Another client of the variant."""
    return register_ciba("second")
