"""The grants; each module has one name of ``oauth.grants``."""

from oidcserver.types import Configurator, Provider

NAMES = (
    "authorization_code",
    "implicit",
    "hybrid",
    "client_credentials",
    "password",
    "refresh_token",
    "device_code",
    "token_exchange",
    "jwt_bearer",
    "ciba",
)


def includeme(config: Configurator) -> None:
    """Include every built-in grant; the ini selects some of them."""
    for name in NAMES:
        config.include(f"oidcserver.grants.{name}")
    config.add_server_metadata("grant_types_supported", _grant_types)
    config.add_server_metadata("response_types_supported", _response_types)


def _grant_types(provider: Provider) -> list[str]:
    return sorted(provider.grant_types)


def _response_types(provider: Provider) -> list[str]:
    return sorted(provider.response_types)
