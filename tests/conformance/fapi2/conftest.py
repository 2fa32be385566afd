"""The providers with the profiles of FAPI 2.0, and the relying parties of each variant."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.app import Browser
from support.conformance_variants import FAPIVariant
from support.fapi_provider import FAPIProvider, profile_of
from support.fapi_relying_party import FAPIRelyingParty, RegisterFAPI

ProviderOf = Callable[[str], FAPIProvider]


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def provider_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProviderOf]:
    """A function that returns the provider with a profile: one for all tests on a database."""
    made: dict[str, FAPIProvider] = {}

    def new_url(directory: Path) -> str:
        if request.param == "postgresql":
            template = request.getfixturevalue("postgresql_template")
            url: str = request.getfixturevalue("postgresql").new_database(template)
            return url
        empty: Path = request.getfixturevalue("empty_provider_database")
        return f"sqlite:///{shutil.copy(empty, directory / 'fapi.sqlite')}"

    def provider_of(profile: str) -> FAPIProvider:
        if profile not in made:
            directory = tmp_path_factory.mktemp(profile)
            made[profile] = FAPIProvider(directory, new_url(directory), profile)
        return made[profile]

    yield provider_of
    for provider in made.values():
        provider.close()


@pytest.fixture
def provider(provider_of: ProviderOf, variant: FAPIVariant) -> FAPIProvider:
    """The provider of the variant."""
    return provider_of(profile_of(variant))


@pytest.fixture
def register(provider: FAPIProvider, variant: FAPIVariant) -> RegisterFAPI:
    """A function that registers a client of the variant; ``name="second"`` has keys of its own."""

    def register(**options: object) -> FAPIRelyingParty:
        return FAPIRelyingParty(provider, variant, **options)

    return register


@pytest.fixture
def rp(register: RegisterFAPI) -> FAPIRelyingParty:
    """A client of the variant."""
    return register()


@pytest.fixture
def person(provider: FAPIProvider) -> Browser:
    """The browser of a user who is signed in."""
    return provider.signed_in
