"""The provider as a process, the npm packages, and the clients."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.builds import java_classes, node_packages
from support.fleet import Fleet

HERE = Path(__file__).parent
#: Everything that a relying party may use.
ENDPOINTS = (
    "authorization pushed_authorization_request token revocation introspection userinfo "
    "end_session check_session jwks openid_configuration oauth_authorization_server registration "
    "client_configuration"
)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages that package-lock.json pins."""
    return node_packages(HERE)


@pytest.fixture(scope="session")
def java() -> list[str]:
    """The command that runs a class of ``java/``, without its name."""
    return ["java", "-cp", java_classes()]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Iterator[Fleet]:
    """One `pserve` over SQLite."""
    directory = tmp_path_factory.mktemp("interoperability")
    url = f"sqlite:///{directory / 'test.sqlite'}"
    settings = {
        # Authlib's client assertions live for an hour; the default allows five minutes.
        "oauth__assertion_max_lifetime": "1h",
        "oauth__endpoints": ENDPOINTS,
        "oauth__response_modes": "query fragment form_post jwt",
        # Debian's libcjose does not know the SHA-256 of RSA-OAEP-256.
        "oidc__encryption_algs": "RSA-OAEP RSA-OAEP-256 ECDH-ES ECDH-ES+A256KW",
        "oidc__request_parameter": "true",
        "oidc__request_uri_parameter": "true",
        # Apache's URIs are not known beforehand, and on this machine.
        "oidc__require_request_uri_registration": "false",
        "oauth__outbound_allow_loopback": "true",
        "oauth__registration": "open",
        "oidc__logout_channels": "frontchannel backchannel",
    }
    with Fleet(directory, 1, url, keys_directory, **settings) as fleet:
        yield fleet


@pytest.fixture(scope="session")
def private_key() -> Any:
    """The key of clients that authenticate by private_key_jwt."""
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048, {"kid": "client", "alg": "RS256", "use": "sig"})


@pytest.fixture
def configuration(fleet: Fleet, private_key: Any, method: str) -> dict[str, Any]:
    """Register a client that authenticates by ``method`` and return its metadata."""
    redirect_uri = "http://127.0.0.1:9/cb"  # nobody is there: the person reads the URL only
    metadata: dict[str, Any] = {}
    if method == "private_key_jwt":
        metadata["jwks"] = {"keys": [private_key.as_dict(private=False)]}
    client = fleet.provider.register(
        redirect_uris=[redirect_uri],
        application_type="native",
        token_endpoint_auth_method=method,
        **metadata,
    )
    return {
        "issuer": fleet.issuer,
        "client_id": client.client_id,
        "client_secret": client.secret,
        "method": method,
        "jwk": private_key.as_dict(private=True),
        "redirect_uri": redirect_uri,
        "scope": "openid profile email",
    }
