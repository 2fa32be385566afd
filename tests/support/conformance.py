"""The provider of conformance.ini, with a person who has every standard claim."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyramid.paster import get_appsettings
from support.app import Provider

import oidcserver
from oidcserver.accounts.passwords import hash_password
from oidcserver.database.engine import make_engine
from oidcserver.keys.store import KeyStore
from oidcserver.migrations import history
from oidcserver.models import Base, User

INI = Path(__file__).parents[2] / "conformance.ini"
ISSUER = "https://op.example"
USERNAME, PASSWORD = "certification", "a password for the suite"
#: Every standard claim (OpenID Connect Core section 5.1) but those that the directory adds.
CLAIMS = {
    "name": "Élodie Marie Durand",
    "given_name": "Élodie",
    "family_name": "Durand",
    "middle_name": "Marie",
    "nickname": "Lo",
    "preferred_username": "elodie",
    "profile": "https://people.example/elodie",
    "picture": "https://people.example/elodie.png",
    "website": "https://elodie.example/",
    "gender": "female",
    "birthdate": "1987-10-16",
    "zoneinfo": "Europe/Paris",
    "locale": "fr-FR",
    "email": "elodie@people.example",
    "email_verified": True,
    "phone_number": "+33 1 23 45 67 89",
    "phone_number_verified": False,
    "address": {
        "formatted": "1 rue de la Paix\n75002 Paris\nFrance",
        "street_address": "1 rue de la Paix",
        "locality": "Paris",
        "region": "Île-de-France",
        "postal_code": "75002",
        "country": "France",
    },
}  # fmt: skip


class ConformanceProvider(Provider):
    """An application that is tested from the outside, over a database and keys of its own.

    :param settings: those of conformance.ini by default.
    """

    def __init__(
        self, directory: Path, url: str = "", settings: Mapping[str, str] | None = None
    ) -> None:
        settings = settings or get_appsettings(str(INI))
        url, keys = url or f"sqlite:///{directory / 'conformance.sqlite'}", directory / "keys"
        own = {
            "oidc.issuer": ISSUER,
            "oidcserver.database_url": url,
            "oidcserver.keys_directory": str(keys),
            # Nothing is left to be told later, and no thread goes on after the tests.
            "oidc.backchannel_logout_interval": "0",
        }
        engine = make_engine(url)
        history.upgrade(engine, Base.metadata)
        engine.dispose()
        algorithms = settings.get("oidc.signing_algs", "PS256 ES256 Ed25519 EdDSA").split()
        KeyStore(keys, algorithms, create_missing=True, publish_before=86400, keep_after=86400)
        self.wsgi = oidcserver.main({}, **{**settings, **own})
        self.registry = self.wsgi.registry
        self.issuer = self.registry.oidc.provider.issuer
        with self.database() as dbsession:
            password_hash = hash_password(PASSWORD)
            dbsession.add(User(USERNAME, password_hash=password_hash, claims=CLAIMS))

    @property
    def metadata(self) -> dict[str, Any]:
        """The discovery document, fetched anew."""
        document: dict[str, Any] = self.browser().get("/.well-known/openid-configuration").json
        return document

    @property
    def jwks(self) -> dict[str, Any]:
        """The published keys, fetched anew."""
        document: dict[str, Any] = self.browser().get(path_of(self.metadata["jwks_uri"])).json
        return document


def path_of(url: str) -> str:
    """Return what stands behind the host of a URL of the provider."""
    return urlsplit(url).path
